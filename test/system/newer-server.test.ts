import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { expectBackEqual, type Sample } from "../e2e/round-trip.ts";
import { useInstallation } from "../e2e/run-fixture.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

/** Fields of built-in kinds that came with the next minor release. They are alpha there, so each gate is opened. */
const NEW_FIELDS = ["bindMountOptions", "defaultUser"];
const GATES = "--feature-gates=VolumeBindMountOptions=true,AtomicWriteVolumeUserFields=true";

// It publishes its own address, and refuses to publish loopback.
const cluster = usePrivateCluster({ newerApiServer: true, apiServerArgs: [GATES, "--endpoint-reconciler-type=none"] });
const holdfast = useInstallation(cluster);

const POD = `{"containers":[{"name":"c","image":"example.com/c:1","volumeMounts":[{"name":"v","mountPath":"/v","bindMountOptions":["nodev","noexec"]}]}],"volumes":[{"name":"v","configMap":{"name":"x","defaultUser":1234}}]}`;

const SAMPLES: readonly Sample[] = [
  {
    api: "api/v1",
    resource: "podtemplates",
    archived: "podtemplates",
    kind: "PodTemplate",
    fields: ["template"],
    body: `"template":{"metadata":{"labels":{"app":"x"}},"spec":${POD}}`,
  },
];

it("brings back fields of built-in kinds that the client library has never heard of", async () => {
  const { after } = await expectBackEqual(cluster, holdfast, SAMPLES);

  const models = modelsOfTheClientLibrary();
  for (const field of NEW_FIELDS) {
    for (const raw of after) expect(raw).toContain(`"${field}":`);
    expect(models).toContain("volumeMounts");
    expect(models).not.toContain(field);
  }
});

/** The text of all models that the library would pass an object through. */
function modelsOfTheClientLibrary(): string {
  const entry = createRequire(import.meta.url).resolve("@kubernetes/client-node");
  const models = join(dirname(entry), "gen", "models");
  const files = readdirSync(models).filter((name) => name.endsWith(".js"));
  return files.map((name) => readFileSync(join(models, name), "utf8")).join("\n");
}
