import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeKubeconfig } from "../../tools/testbed/control-plane/kubeconfig.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";

/** API servers that can't be used, met by every kind of command. */
const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-bad-cluster-"));
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "policy.yaml": policyYaml(namespace, "shop", "default"),
  });
  await writeFile(join(folder, "restore.yaml"), restoreYaml(namespace, "undo", "some-backup"));
  const { connection } = cluster;
  await writeKubeconfig(join(folder, "unreachable"), { ...connection, server: "https://127.0.0.1:1" });
  await writeKubeconfig(join(folder, "wrong-token"), { ...connection, token: "wrong" });
  await writeFile(join(folder, "broken"), "apiVersion: v1\nkind: Config\nclusters: [\n");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const CLUSTERS = [
  [
    "an API server that can't be reached",
    "unreachable",
    /the API server cannot be reached: .*127\.0\.0\.1:1 \[KubeUnavailable\]\n {2}check .*--kubeconfig.*\n$/,
  ],
  ["a token that is not accepted", "wrong-token", /Unauthorized.* \[KubeForbidden\]/],
  ["a kubeconfig that is not there", "absent", /absent.* \[KubeConfigInvalid\]/],
  ["a kubeconfig that is no YAML", "broken", /broken\): deficient indentation.* \[KubeConfigInvalid\]/],
] as const;

describe.each(CLUSTERS)("%s", (_what, kubeconfig, said) => {
  it.each([
    ["run", () => ["run", "--repo", holdfast.repository.path, "--once"]],
    ["plan", () => ["plan", join(folder, "restore.yaml")]],
    ["restore create", () => ["restore", "create", "--from-backup", "some-backup"]],
  ] as const)("is one line of %s, and nothing is written", async (_command, args) => {
    const { code, stdout, stderr } = await holdfast.start(args(), { kubeconfigPath: join(folder, kubeconfig) }).ended;

    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^holdfast: .*\n( {2}.*\n)?$/);
    expect(stderr).toMatch(said);
    expect(await holdfast.repository.branches()).toEqual(["main"]);
    for (const kind of ["BackupPolicy", "Backup", "RestorePlan"]) {
      expect(await cluster.list(kind, holdfast.namespace)).toEqual([]);
    }
  });
});
