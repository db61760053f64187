import { expect, it } from "vitest";
import { groupResource } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import { runUndo } from "../../src/restore/run-undo.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore } from "./restore-support.ts";

// Its own: a kind that another file makes meanwhile could not be listed either.
const cluster = usePrivateCluster();
const client = useKubeClients();

/** A user who may do everything but list one resource. */
async function userWhoMayNotList(kube: KubeClient, resource: string): Promise<string> {
  const name = uniqueName("reader");
  const { resources } = await kube.discovery();
  const listed = resources.filter((served) => groupResource(served) !== resource);
  const rules = [...Map.groupBy(listed, ({ group }) => group)].map(([group, served]) => ({
    apiGroups: [group],
    resources: served.map((each) => each.resource),
    verbs: ["list"],
  }));
  const verbs = ["get", "create", "update", "patch", "delete"];
  await cluster.apply(
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name },
      rules: [...rules, { apiGroups: ["*"], resources: ["*"], verbs }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
      subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name }],
    },
  );
  await cluster.waitUntilAllowed(name, "/api/v1/namespaces/default/configmaps");
  return name;
}

it("keeps a namespace that the restore made while it may not see all that is in it", async () => {
  const admin = await client(cluster.kubeconfigPath);
  const user = await userWhoMayNotList(admin, "secrets");
  const limited = await client(cluster.kubeconfigPath, { impersonate: user });
  const namespace = uniqueName("t-unseen");
  const store = await backUp(admin, [configMap(namespace, "made", { a: "1" })]);
  const { records } = await restore(admin, store);
  await cluster.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "later", namespace } });
  const undo = async (kube: KubeClient) => {
    const backup = await openBackup(store, "backup");
    const undone = await runUndo(
      { kube, clock: systemClock, log: silentLogger },
      { run: "undo-20260102030405", backup, safety: undefined, records, force: false },
    );
    await backup.close();
    return undone;
  };

  const unseen = await undo(limited);
  const standing = await cluster.find("Secret", namespace, "later");
  const seen = await undo(admin);

  expect(unseen).toMatchObject({ phase: "PartiallyFailed", errors: 1, counts: { deleted: 1, failed: 1 } });
  expect(unseen.results.errors.cluster?.join()).toMatch(/holds secrets, which Holdfast may not list/);
  expect(standing).toBeDefined();
  expect(seen.results.errors.cluster?.join()).toMatch(/holds secrets later, which the restore did not create/);
  await cluster.delete("Namespace", undefined, namespace);
  for (const kind of ["ClusterRole", "ClusterRoleBinding"]) await cluster.delete(kind, undefined, user);
});
