import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { uniqueName } from "../support/test-cluster.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { cutField, cutItems } from "./raw-json.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const run = promisify(execFile);

const GROUP = "measures.example.com";

const GAUGE_CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `gauges.${GROUP}` },
  spec: {
    group: GROUP,
    scope: "Namespaced",
    names: { plural: "gauges", singular: "gauge", kind: "Gauge" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/** One object as text, so that no number passes through a double on its way to the API server. */
interface Sample {
  /** As the API server's path has it, such as `apis/apps/v1`. */
  readonly api: string;
  readonly resource: string;
  /** The folder of the archive. */
  readonly archived: string;
  readonly kind: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/**
 * Custom objects, and built-in ones with values that the client library's models can't hold: integers beyond 2^53
 * and free-form JSON. (Its models know every field that this API server's OpenAPI names.)
 */
const SAMPLES: readonly Sample[] = [
  {
    api: `apis/${GROUP}/v1`,
    resource: "gauges",
    archived: `gauges.${GROUP}`,
    kind: "Gauge",
    fields: ["spec", "data", "extra"],
    body: `"spec":{"z":9007199254740993,"a":-9223372036854775808,"big":9223372036854775807,"f":1.10,"g":0.1,"h":1e-7,"i":123456789012345680000.5,"one":1.0,"list":[9007199254740995,2.50],"":"no name","__proto__":{"x":9007199254740997},"text":"\\u2028 <&> \\"9007199254740993\\" é"},"data":{"n":18014398509481985},"extra":[[],{},null,false]`,
  },
  {
    api: "api/v1",
    resource: "configmaps",
    archived: "configmaps",
    kind: "ConfigMap",
    fields: ["data", "binaryData"],
    body: `"data":{"number":"9007199254740993","__proto__":"a key","constructor":"another","text":"\\u0000 \\u2028 <&> é \\n"},"binaryData":{"bytes":"AP/+gA=="}`,
  },
  {
    api: "api/v1",
    resource: "secrets",
    archived: "secrets",
    kind: "Secret",
    fields: ["data", "type"],
    body: `"type":"example.com/odd","data":{"__proto__":"AA==","key":"AP/+gA=="}`,
  },
  {
    api: "api/v1",
    resource: "podtemplates",
    archived: "podtemplates",
    kind: "PodTemplate",
    fields: ["template"],
    body: `"template":{"metadata":{"labels":{"app":"x"}},"spec":{"terminationGracePeriodSeconds":9007199254740993,"containers":[{"name":"c","image":"example.com/c:1","resources":{"requests":{"cpu":"1500m","memory":"1.5Gi"}}}]}}`,
  },
  {
    api: "apis/apps/v1",
    resource: "controllerrevisions",
    archived: "controllerrevisions.apps",
    kind: "ControllerRevision",
    fields: ["data", "revision"],
    body: `"revision":9007199254740993,"data":{"kind":"Anything","apiVersion":"example.com/v1","unknownField":{"count":9007199254740995,"ratio":1.10}}`,
  },
];

const NAME = "sample";

async function rawOf(sample: Sample, namespace: string, name?: string): Promise<string> {
  const path = `/${sample.api}/namespaces/${namespace}/${sample.resource}${name === undefined ? "" : `/${name}`}`;
  const answer = await cluster.request("GET", path);
  expect([answer.status, path]).toEqual([200, path]);
  return answer.text;
}

async function create(sample: Sample, namespace: string): Promise<void> {
  const apiVersion = sample.api.replace(/^apis?\//, "");
  const head = `"apiVersion":"${apiVersion}","kind":"${sample.kind}","metadata":{"name":"${NAME}","namespace":"${namespace}"}`;
  const path = `/${sample.api}/namespaces/${namespace}/${sample.resource}`;
  const answer = await cluster.request("POST", path, `{${head},${sample.body}}`);
  expect([answer.status, answer.text]).toEqual([201, answer.text]);
}

/** What the fields that must come back look like, byte for byte. */
function cuts(sample: Sample, raw: string): Record<string, string | undefined> {
  return Object.fromEntries(sample.fields.map((field) => [`${sample.kind} ${field}`, cutField(raw, field)]));
}

/** The item of our object in a LIST, with its type in front where the API server leaves that to the LIST. */
function itemOf(sample: Sample, list: string): string | undefined {
  const items = cutItems(cutField(list, "items") ?? "[]");
  const item = items.find((each) => cutField(cutField(each, "metadata") ?? "{}", "name") === `"${NAME}"`);
  if (item === undefined || cutField(item, "kind") !== undefined) return item;
  return `{"apiVersion":"${sample.api.replace(/^apis?\//, "")}","kind":"${sample.kind}",${item.slice(1)}`;
}

async function archivedOf(sample: Sample, backup: string, namespace: string): Promise<string> {
  const archive = join(holdfast.bucket, "backups", backup, `${backup}.tar.gz`);
  const member = `resources/${sample.archived}/namespaces/${namespace}/${NAME}.json`;
  return (await run("tar", ["-xzOf", archive, member])).stdout;
}

it("brings back spec and data byte for byte, from an archive that holds the bytes of the LIST", async () => {
  await cluster.apply(GAUGE_CRD);
  const shop = await cluster.createNamespace();
  const { namespace, bucket } = holdfast;
  for (const sample of SAMPLES) await create(sample, shop);
  const before = await Promise.all(SAMPLES.map((sample) => rawOf(sample, shop, NAME)));
  const lists = await Promise.all(SAMPLES.map((sample) => rawOf(sample, shop)));
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });

  const backedUp = await holdfast.once();
  const backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  const archived = await Promise.all(SAMPLES.map((sample) => archivedOf(sample, backup, shop)));
  for (const { api, resource } of SAMPLES)
    await cluster.request("DELETE", `/${api}/namespaces/${shop}/${resource}/${NAME}`);
  await holdfast.commit({ "restore.yaml": restoreYaml(namespace, uniqueName("back"), backup) });
  const restored = await holdfast.once();
  const after = await Promise.all(SAMPLES.map((sample) => rawOf(sample, shop, NAME)));

  expect([backedUp.code, restored.code, restored.stderr].join("\n")).toMatch(/^0\n0\n/);
  for (const [at, sample] of SAMPLES.entries()) {
    expect(archived[at]).toBe(itemOf(sample, lists[at] ?? ""));
    expect(cuts(sample, after[at] ?? "")).toEqual(cuts(sample, before[at] ?? ""));
    expect(Object.values(cuts(sample, after[at] ?? ""))).not.toContain(undefined);
    expect(cutField(cutField(after[at] ?? "", "metadata") ?? "{}", "uid")).not.toBe(
      cutField(cutField(before[at] ?? "", "metadata") ?? "{}", "uid"),
    );
  }
  const gauge = before[0] ?? "";
  expect(cutField(gauge, "spec")).toContain('"big":9223372036854775807');
  expect(cutField(gauge, "spec")).toContain('"z":9007199254740993');
});
