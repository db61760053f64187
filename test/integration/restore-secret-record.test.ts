import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { runUndo } from "../../src/restore/run-undo.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

function secret(namespace: string, name: string, password: string): KubeObject {
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, data: { password: btoa(password) } };
}

describe("the record of a restored Secret", () => {
  it("tells nothing of its content, and an undo still knows it from one that was changed since", async () => {
    const namespace = await cluster.createNamespace();
    const kube = await client(cluster.kubeconfigPath);
    const names = ["kept", "touched"];
    await cluster.apply(...names.map((name) => secret(namespace, name, "live")));
    const before = await Promise.all(names.map((name) => cluster.get("Secret", namespace, name)));
    const safety = await backUp(kube, before as unknown as KubeObject[], "safety");
    const store = await backUp(
      kube,
      names.map((name) => secret(namespace, name, "backup")),
    );

    const { records } = await restore(kube, store, { spec: { existingResourcePolicy: "update" } });
    await cluster.patch("Secret", namespace, "touched", { data: { password: btoa("newer") } });
    const copies = await openBackup(safety, "safety");
    const run = "undo-20260102030405";
    const undo = { run, backup: copies, safety: copies, records, force: false };
    const outcome = await runUndo({ kube, clock: systemClock, log: silentLogger }, undo);

    const after = await Promise.all(names.map((name) => cluster.get("Secret", namespace, name)));
    expect(records.map((record) => [record.outcome, "content" in record, record.uid !== undefined])).toEqual([
      ["patched", false, true],
      ["patched", false, true],
    ]);
    expect(after.map(({ data }) => data)).toEqual([{ password: btoa("live") }, { password: btoa("newer") }]);
    expect(outcome.counts).toMatchObject({ patched: 1, failed: 1 });
  });
});
