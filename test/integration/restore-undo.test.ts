import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { readAll } from "../../src/storage/streams.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore, undo } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

const live = async (kind: string, namespace: string | undefined, name: string): Promise<KubeObject> =>
  (await cluster.get(kind, namespace, name)) as unknown as KubeObject;

describe("the undo of an undo", () => {
  it("brings back what the restore had made, its namespace first, and what it had changed", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const fresh = uniqueName("t-redo");
    await cluster.apply(configMap(namespace, "changed", { a: "live" }));
    const safety = await backUp(kube, [await live("ConfigMap", namespace, "changed")], "safety");
    const store = await backUp(kube, [
      configMap(namespace, "changed", { a: "backup" }),
      configMap(fresh, "made", { a: "1" }),
    ]);
    const restored = await restore(kube, store, { spec: { existingResourcePolicy: "update" } });
    const before = await Promise.all([
      live("ConfigMap", namespace, "changed"),
      live("ConfigMap", fresh, "made"),
      live("Namespace", undefined, fresh),
    ]);
    const secondSafety = await backUp(kube, before, "safety");

    const undone = await undo(kube, restored.records, safety);
    await cluster.waitUntilGone("Namespace", undefined, fresh);
    const redone = await undo(kube, undone.records, secondSafety);

    expect(undone.outcome).toMatchObject({ errors: 0, counts: { deleted: 2, patched: 1 } });
    expect(redone.outcome).toMatchObject({ phase: "Completed", errors: 0, counts: { created: 2, patched: 1 } });
    expect(redone.records.map(({ kind }) => kind)).toEqual(["ConfigMap", "Namespace", "ConfigMap"]);
    expect((await live("ConfigMap", namespace, "changed")).data).toEqual({ a: "backup" });
    expect((await live("ConfigMap", fresh, "made")).data).toEqual({ a: "1" });
    await cluster.delete("Namespace", undefined, fresh);
  });
});

describe("an undo", () => {
  it("names what it can't return from a broken copy, and returns all else", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "login", namespace }, stringData: { a: "1" } };
    await cluster.apply(configMap(namespace, "lost", { a: "live" }), secret);
    const safety = await backUp(
      kube,
      [await live("ConfigMap", namespace, "lost"), await live("Secret", namespace, "login")],
      "safety",
    );
    const store = await backUp(kube, [
      configMap(namespace, "lost", { a: "backup" }),
      configMap(namespace, "made", { a: "1" }),
      { ...secret, stringData: undefined, data: { a: btoa("2") } } as unknown as KubeObject,
    ]);
    const { records } = await restore(kube, store, { spec: { existingResourcePolicy: "update" } });
    const copies = await openBackup(safety, "safety");
    const row = await copies.row("configmaps", { namespace, name: "lost" });
    const { archive } = backupKeys("safety");
    const bytes = await readAll(await safety.get(archive));
    bytes.fill(0, row?.member, (row?.member ?? 0) + 40);
    await safety.put(archive, bytes);

    const { outcome, records: undone } = await undo(kube, records, safety);

    expect(outcome).toMatchObject({
      phase: "PartiallyFailed",
      errors: 1,
      counts: { deleted: 1, patched: 1, failed: 1 },
    });
    expect(undone.find(({ name }) => name === "lost")).toMatchObject({
      outcome: "failed",
      reason: "Unreadable",
      message: expect.stringMatching(/copy in the safety backup can't be read.*restore it from another backup/),
    });
    expect((await live("Secret", namespace, "login")).data).toEqual({ a: btoa("1") });
  });

  it("returns one place that two objects were brought to, made there or changed", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    await cluster.apply(configMap(namespace, "changed", { from: "live" }));
    const safety = await backUp(kube, [await live("ConfigMap", namespace, "changed")], "safety");
    const store = await backUp(
      kube,
      ["from-a", "from-b"].flatMap((from) => [configMap(from, "changed", { from }), configMap(from, "made", { from })]),
    );
    const copies = await openBackup(safety, "safety");
    const spec = {
      namespaceMapping: { "from-a": namespace, "from-b": namespace },
      existingResourcePolicy: "update" as const,
    };

    const { outcome, records } = await restore(kube, store, { spec, safety: copies });
    const restored = [await live("ConfigMap", namespace, "changed"), await live("ConfigMap", namespace, "made")];
    const undone = await undo(kube, records, safety);

    expect(outcome).toMatchObject({ phase: "Completed", errors: 0, counts: { created: 1, patched: 1, skipped: 2 } });
    expect(restored.map(({ data }) => data)).toEqual([{ from: "from-b" }, { from: "from-b" }]);
    expect(undone.outcome).toMatchObject({ phase: "Completed", errors: 0, counts: { deleted: 1, patched: 1 } });
    expect((await live("ConfigMap", namespace, "changed")).data).toEqual({ from: "live" });
  });

  it("gives what it creates again the owners that are there still, and no others", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    await cluster.apply(configMap(namespace, "owner", {}));
    const { uid = "" } = (await live("ConfigMap", namespace, "owner")).metadata;
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid };
    const gone = { ...owner, name: "gone", uid: "00000000-0000-4000-8000-000000000000" };
    await cluster.apply(configMap(namespace, "child", { a: "live" }, { ownerReferences: [owner] }));
    const before = await live("ConfigMap", namespace, "child");
    const copy = { ...before, metadata: { ...before.metadata, ownerReferences: [gone, owner] } };
    const safety = await backUp(kube, [copy], "safety");
    const store = await backUp(kube, [configMap(namespace, "child", { a: "backup" })]);

    const { records } = await restore(kube, store, { spec: { existingResourcePolicy: "recreate" } });
    const { outcome } = await undo(kube, records, safety);

    const after = await live("ConfigMap", namespace, "child");
    expect([outcome.phase, records.map((record) => record.outcome)]).toEqual(["Completed", ["recreated"]]);
    expect([after.data, after.metadata.ownerReferences]).toEqual([{ a: "live" }, [owner]]);
  });

  it("ends as cancelled where it is stopped, and what it has returned stays", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const names = ["a", "b", "c", "d"];
    const safety = await backUp(kube, [], "safety");
    const store = await backUp(
      kube,
      names.map((name) => configMap(namespace, name, {})),
    );
    const { records } = await restore(kube, store);
    const stopper = new AbortController();

    const { outcome } = await undo(kube, records, safety, {
      limits: { maxWrites: 1 },
      signal: stopper.signal,
      onRecord: () => stopper.abort(new Error("stopped")),
    });

    expect(outcome).toMatchObject({ cancelled: true, phase: "PartiallyFailed", counts: { deleted: 1 } });
    const left = (await cluster.list("ConfigMap", namespace)).filter(({ metadata }) => names.includes(metadata.name));
    expect(left).toHaveLength(3);
  });
});
