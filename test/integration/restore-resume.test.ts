import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import { silentLogger } from "../../src/log.ts";
import { runUndo } from "../../src/restore/run-undo.ts";
import type { ObjectRecord } from "../../src/restore/types.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, restore, withKind } from "./restore-support.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };
const APPLIER = { fieldManager: "applier" };
const NAMES = Array.from({ length: 40 }, (_, index) => `cm-${String(index).padStart(2, "0")}`);

describe("a restore that is stopped", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  it.each([1, 7, 25, 39])(
    "is finished by the next attempt of the same run, each object created once (stopped after %d)",
    async (stopAfter) => {
      const namespace = await cluster.createNamespace();
      const proxy = await startClusterProxy(cluster);
      const kube = await client(proxy.kubeconfigPath);
      const store = await backUp(
        kube,
        NAMES.map((name) => configMap(namespace, name, { name })),
      );
      const stopper = new AbortController();
      const recorded = new Map<string, ObjectRecord>();
      // Were the last create answered beside the stop, nothing would be left to stop.
      let creates = 0;
      const isLastCreate = ({ method, url }: IncomingCall): boolean =>
        method === "POST" && url.includes("/configmaps") && ++creates === NAMES.length;
      proxy.setFaults(async (call) => {
        if (!isLastCreate(call)) return undefined;
        if (!stopper.signal.aborted) await once(stopper.signal, "abort");
        return { type: "reset" };
      });

      const first = await restore(kube, store, {
        mayResume: true,
        signal: stopper.signal,
        onRecord: (record) => {
          recorded.set(record.name, record);
          if (recorded.size === stopAfter) stopper.abort(new Error("stopped"));
        },
      });
      proxy.setFaults();
      const second = await restore(kube, store, {
        mayResume: true,
        recorded: (_resource, key) => recorded.get(key.name),
      });
      const created = proxy.calls.filter(
        ({ method, url, status }) => method === "POST" && url.includes(`/${namespace}/configmaps`) && status === 201,
      );
      await proxy.stop();

      expect(first.outcome).toMatchObject({ cancelled: true, phase: "PartiallyFailed" });
      expect(second.outcome).toMatchObject({
        phase: "Completed",
        warnings: 0,
        errors: 0,
        counts: { created: NAMES.length },
      });
      expect(created).toHaveLength(NAMES.length);
      const uids = new Map(second.records.map(({ name, uid }) => [name, uid]));
      for (const { name, uid } of recorded.values()) expect([name, uids.get(name)]).toEqual([name, uid]);
      expect(
        (await cluster.list("ConfigMap", namespace)).filter(({ metadata }) => NAMES.includes(metadata.name)),
      ).toHaveLength(NAMES.length);
    },
  );

  it("can be undone whole, though what the first attempt recorded is lost, whatever the clocks say", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const fresh = uniqueName("t-lost");
    const names = NAMES.slice(0, 8);
    await cluster.apply(
      ...names.slice(0, 4).map((name) => configMap(namespace, name, { name: "live" })),
      configMap(namespace, "same", { a: "1" }),
    );
    const before = withKind(await cluster.list("ConfigMap", namespace));
    const safety = await backUp(kube, before, "safety");
    const store = await backUp(kube, [
      ...names.map((name) => configMap(namespace, name, { name })),
      configMap(namespace, "same", { a: "1" }),
      configMap(fresh, "inside", { a: "1" }),
    ]);
    const spec = { existingResourcePolicy: "update" as const };

    await restore(kube, store, { spec, mayResume: true });
    const second = await restore(kube, store, { spec, mayResume: true });
    const copies = await openBackup(safety, "safety");
    const undone = await runUndo(
      { kube, clock: systemClock, log: silentLogger },
      { run: "undo-20260102030405", backup: copies, safety: copies, records: second.records, force: false },
    );

    expect(second.outcome).toMatchObject({ phase: "Completed", counts: { created: 6, patched: 5, unchanged: 0 } });
    expect(undone).toMatchObject({ phase: "Completed", errors: 0, counts: { deleted: 6, patched: 5 } });
    const left = (await cluster.list("ConfigMap", namespace)).filter(({ metadata }) => NAMES.includes(metadata.name));
    expect(left.map(({ metadata, data }) => [metadata.name, data])).toEqual(
      names.slice(0, 4).map((name) => [name, { name: "live" }]),
    );
    await cluster.waitUntilGone("Namespace", undefined, fresh);
  });

  it("is known by its creates where managed fields were put back too, and appliers still take their fields away", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const key = { namespace, name: "applied" };
    const apply = async (data: Record<string, string>): Promise<KubeObject> =>
      await kube.patch(
        CONFIG_MAPS,
        key,
        { type: "apply", body: configMap(namespace, key.name, data), force: false },
        APPLIER,
      );
    const archived = await apply({ a: "1", b: "2" });
    await cluster.delete("ConfigMap", namespace, key.name);
    const store = await backUp(kube, [archived]);

    const first = await restore(kube, store, { mayResume: true });
    const second = await restore(kube, store, { mayResume: true });
    const managers = (await kube.get(CONFIG_MAPS, key))?.metadata.managedFields;
    const { data } = await apply({ a: "1" });

    expect([first.outcomes, second.outcomes]).toEqual([
      { "ConfigMap applied": "created" },
      { "ConfigMap applied": "created" },
    ]);
    expect(managers).toMatchObject([
      { manager: "applier", operation: "Apply" },
      { manager: "holdfast/restore-20260102030405", operation: "Update" },
    ]);
    expect(data).toEqual({ a: "1" });
  });

  it("takes an AlreadyExists on its own work for created: the answer to the first POST was lost", async () => {
    const namespace = await cluster.createNamespace();
    const proxy = await startClusterProxy(cluster);
    const kube = await client(proxy.kubeconfigPath);
    const store = await backUp(kube, [configMap(namespace, "lost", { a: "1" })]);
    proxy.setFaults(
      faultOnce(({ method, url }) => method === "POST" && url.includes("/configmaps"), { type: "dropAnswer" }),
    );

    const { outcome, outcomes } = await restore(kube, store);
    await proxy.stop();

    expect(outcomes).toEqual({ "ConfigMap lost": "created" });
    expect(outcome).toMatchObject({ phase: "Completed", warnings: 0, errors: 0 });
  });
});

describe("the undo of a restore", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  it("returns every object to its state before, and deletes only what nobody changed since", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const fresh = uniqueName("t-undo");
    const store = await backUp(kube, [
      configMap(namespace, "patched", { a: "backup" }),
      configMap(namespace, "equal", { a: "1" }),
      configMap(namespace, "created", { a: "1" }),
      configMap(namespace, "touched", { a: "1" }),
      configMap(fresh, "inside", { a: "1" }),
    ]);
    await cluster.apply(
      configMap(namespace, "patched", { a: "live", b: "live" }),
      configMap(namespace, "equal", { a: "1" }),
    );
    const before = await cluster.list("ConfigMap", namespace);
    const safety = await backUp(kube, withKind(before), "safety");

    const { records, outcomes } = await restore(kube, store, { spec: { existingResourcePolicy: "update" } });
    await cluster.patch("ConfigMap", namespace, "touched", { data: { a: "by a person" } });
    const copies = await openBackup(safety, "safety");
    const undone: ObjectRecord[] = [];
    const undo = (force: boolean) =>
      runUndo(
        { kube, clock: systemClock, log: silentLogger },
        {
          run: "undo-20260102030405",
          backup: copies,
          safety: copies,
          records,
          force,
          onRecord: (record) => void undone.push(record),
        },
      );
    const outcome = await undo(false);

    expect(outcomes).toMatchObject({
      "ConfigMap patched": "patched",
      "ConfigMap equal": "labelled",
      "ConfigMap created": "created",
    });
    const after = await cluster.list("ConfigMap", namespace);
    // The cluster itself puts this one into a new namespace, at some moment of the test.
    const ours = (list: typeof after) => list.filter(({ metadata }) => metadata.name !== "kube-root-ca.crt");
    const states = (list: typeof after) =>
      Object.fromEntries(ours(list).map(({ metadata, data }) => [metadata.name, { data, labels: metadata.labels }]));
    expect(states(after.filter(({ metadata }) => metadata.name !== "touched"))).toEqual(states(before));
    expect((await cluster.get("ConfigMap", namespace, "touched")).data).toEqual({ a: "by a person" });
    await cluster.waitUntilGone("Namespace", undefined, fresh);
    expect(outcome).toMatchObject({
      phase: "PartiallyFailed",
      errors: 1,
      counts: { deleted: 3, patched: 2, failed: 1 },
    });
    expect(undone.find(({ name }) => name === "touched")).toMatchObject({ outcome: "failed", reason: "ChangedSince" });

    expect(await undo(true)).toMatchObject({ phase: "Completed", errors: 0, counts: { deleted: 1 } });
    expect(await cluster.find("ConfigMap", namespace, "touched")).toBeUndefined();
  });
});
