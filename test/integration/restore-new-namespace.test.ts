import { expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { runUndo } from "../../src/restore/run-undo.ts";
import type { ObjectRecord } from "../../src/restore/types.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

it("puts right what the cluster itself puts into a namespace of the restore, and undoes it with the namespace", async () => {
  const kube = await client(cluster.kubeconfigPath);
  const namespace = uniqueName("made-here");
  const elsewhere = configMap(await cluster.createNamespace(), "other", { a: "1" });
  await cluster.apply(elsewhere);
  const store = await backUp(kube, [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    configMap(namespace, "kube-root-ca.crt", { "ca.crt": "of another cluster" }),
  ]);
  const safety = await openBackup(await backUp(kube, [elsewhere], "safety"), "safety");
  // So that the ConfigMap, planned as new, is there when its turn comes.
  const waitForPublisher = async ({ kind }: ObjectRecord): Promise<void> => {
    if (kind === "Namespace") await cluster.waitFor("ConfigMap", namespace, "kube-root-ca.crt", () => true);
  };

  const { outcome, records, outcomes } = await restore(kube, store, {
    spec: { existingResourcePolicy: "update" },
    safety,
    onRecord: waitForPublisher,
  });
  const undone = await runUndo(
    { kube, clock: systemClock, log: silentLogger },
    { run: "undo-20260102030405", backup: safety, safety, records, force: false },
  );

  expect(outcomes).toMatchObject({ [`Namespace ${namespace}`]: "created", "ConfigMap kube-root-ca.crt": "patched" });
  expect(outcome.phase).toBe("Completed");
  expect(undone.phase).toBe("Completed");
  const left = await cluster.find("Namespace", undefined, namespace);
  expect(left === undefined || left.metadata.deletionTimestamp !== undefined).toBe(true);
});
