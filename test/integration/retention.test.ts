import { readdir, readFile } from "node:fs/promises";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { reconcileBackup } from "../../src/reconcile/backup-reconciler.ts";
import type { ReconcileDeps } from "../../src/reconcile/deps.ts";
import { lookAtRetention } from "../../src/reconcile/retention.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { reconcileDeps } from "../support/reconcile-deps.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const cluster = usePrivateCluster();
const connect = useKubeClients();
const crds = new URL("../../manifests/crds/", import.meta.url);
const HOUR = 3_600_000;
const YEAR = 8760 * HOUR;

let kube: KubeClient;
let namespace = "";
let deps: ReconcileDeps;
let store: MemoryStore;
let offsetMs = 0;

/** The system's clock, moved by `offsetMs`. */
const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs };

beforeAll(async () => {
  for (const file of await readdir(crds)) await cluster.applyYaml(await readFile(new URL(file, crds), "utf8"));
  kube = await connect(cluster.kubeconfigPath);
});

beforeEach(async () => {
  namespace = await cluster.createNamespace();
  offsetMs = 0;
  store = new MemoryStore({ now: systemClock.now });
  deps = reconcileDeps(kube, clock, namespace, () => store);
  await put("BackupStorageLocation", "main", { provider: "filesystem", filesystem: { path: "/nowhere" } }, AVAILABLE);
});

const AVAILABLE = { phase: "Available" };
const RESOURCES: Readonly<Record<string, string>> = {
  Backup: "backups",
  BackupStorageLocation: "backupstoragelocations",
  RestorePlan: "restoreplans",
};

/** An object of ours with its status, in the cluster and among the live ones. */
async function put(kind: string, name: string, spec: object, status: object): Promise<void> {
  const metadata = { name, namespace };
  const gvr = { group: "holdfast.dev", version: "v1alpha1", resource: RESOURCES[kind] ?? "" };
  await cluster.create({ apiVersion: "holdfast.dev/v1alpha1", kind, metadata, spec });
  const patch = { type: "merge", body: { status } } as const;
  deps.live.put(await kube.patch(gvr, metadata, patch, { subresource: "status" }));
}

/** A backup whose time was over so many hours ago, with its data in the store. */
async function expired(name: string, hoursAgo: number, status: object = {}): Promise<void> {
  const expiration = new Date(clock.now() - hoursAgo * HOUR).toISOString();
  const ended = { phase: "Completed", cluster: "testbed", storageLocation: "main", expiration, ...status };
  await put("Backup", name, { storageLocation: "main" }, ended);
  await store.put(`backups/${name}/velero-backup.json`, Buffer.from("{}"));
  await store.put(`backups/${name}/${name}.tar.gz`, Buffer.from("x"));
}

/** A look, and what the reconciler makes of it, to the end. */
async function look(): Promise<number> {
  const marked = await lookAtRetention(deps, { routineSinceMs: clock.now() - 3 * HOUR, judged: new Map() });
  for (const { metadata } of deps.live.list("Backup")) await reconcileBackup(deps, { namespace, name: metadata.name });
  return marked;
}

/** What the API server has of an object. */
async function inCluster(kind: string, name: string): Promise<KubeObject | undefined> {
  return (await cluster.list(kind, namespace)).find(({ metadata }) => metadata.name === name) as KubeObject | undefined;
}

async function blockedBy(kind: string, name: string): Promise<string | undefined> {
  const { conditions } = ((await inCluster(kind, name))?.status ?? {}) as {
    conditions?: { type: string; reason: string; message: string }[];
  };
  const found = conditions?.find(({ type }) => type === "DeletionBlocked");
  return found && `${found.reason}: ${found.message}`;
}

async function gcFailure(name: string): Promise<string | undefined> {
  return (await inCluster("Backup", name))?.metadata.labels?.["holdfast.dev/gc-failure"];
}

describe("retention", () => {
  it("takes an expired backup whole, and nothing else", async () => {
    await expired("old", 0.5);
    await expired("young", -1);
    await expired("theirs", 0.5, { cluster: "other" });

    expect(await look()).toBe(1);

    expect(await store.listPrefixes("backups/")).toEqual(["theirs/", "young/"]);
    expect([await inCluster("Backup", "old"), await inCluster("Backup", "young")]).toMatchObject([undefined, {}]);
    expect(await look()).toBe(0);
  });

  it("takes the records of the restores made from it with it, and leaves the claims", async () => {
    await expired("old", 0.5);
    const status = {
      phase: "Completed",
      run: { id: "again-1", token: "t", term: 1, clusterUid: "u", key: "0".repeat(64) },
      backup: { name: "old", namespace, storageLocation: "main" },
    };
    await put("RestorePlan", "again", { source: { backupName: "old" } }, status);
    await store.put("restores/again-1/restore-again-1-logs.gz", Buffer.from("x"));
    await store.put("restores/holdfast-00/claim.json", Buffer.from("x"));

    await look();

    expect(await store.listPrefixes("restores/")).toEqual(["holdfast-00/"]);
    expect(await inCluster("RestorePlan", "again")).toBeUndefined();
  });

  it("keeps what a restore runs from, until that has ended", async () => {
    await expired("old", 0.5);
    await put("RestorePlan", "again", { source: { backupName: "old" } }, { phase: "InProgress" });
    const during = await look();
    await kube
      .patch(
        { group: "holdfast.dev", version: "v1alpha1", resource: "restoreplans" },
        { namespace, name: "again" },
        { type: "merge", body: { status: { phase: "Completed" } } },
        { subresource: "status" },
      )
      .then((plan) => deps.live.put(plan));

    expect([during, await look()]).toEqual([0, 1]);
  });

  it("deletes nothing while its own clock is a year ahead of the API server's and the store's", async () => {
    await expired("a", -1);
    await expired("b", -1);
    await put("Backup", "eternal", { storageLocation: "main", ttl: "0s" }, { phase: "Completed", cluster: "testbed" });
    const look = async () => await lookAtRetention(deps, { routineSinceMs: 0, judged: new Map() });

    offsetMs = YEAR;
    const ahead = await look();
    const said = await blockedBy("BackupStorageLocation", "main");
    offsetMs = 0;
    await look();

    expect([ahead, await store.listPrefixes("backups/")]).toEqual([0, ["a/", "b/"]]);
    expect(said).toMatch(
      /^ClockAhead: Holdfast's clock is 52\d{4} minutes ahead of that of (the API server|location main)$/,
    );
    expect(await blockedBy("BackupStorageLocation", "main")).toBeUndefined();
  });

  it("holds the expiry of many that nobody saw coming until a person allows exactly these", async () => {
    const names = Array.from({ length: 12 }, (_each, at) => `b${at + 10}`);
    for (const name of names) await expired(name, 1000);
    await expired("young", -1);
    const held = await look();
    const said = (await blockedBy("BackupStorageLocation", "main")) ?? "";
    const digest = /says (\S+)$/.exec(said)?.[1] ?? "";
    const allow = { metadata: { annotations: { "holdfast.dev/allow-deletions": digest } } };
    deps.live.put((await cluster.patch("BackupStorageLocation", namespace, "main", allow)) as never);

    const allowed = await look();

    expect([held, allowed]).toEqual([0, 12]);
    expect(said).toContain(
      "DeletionsHeld: 12 expired backups are kept (12 deletions within an hour, more than 10 of 13)",
    );
    expect(await store.listPrefixes("backups/")).toEqual(["young/"]);
    expect(await blockedBy("BackupStorageLocation", "main")).toBeUndefined();
  });

  const locations: [name: string, change: () => Promise<void>, label: string, said: string][] = [
    [
      "is read-only",
      async () => await changeLocation({ spec: { accessMode: "ReadOnly" } }),
      "BSLReadOnly",
      "LocationReadOnly: location main is ReadOnly",
    ],
    [
      "can't be reached",
      async () => await changeLocation({ status: { phase: "Unavailable", message: "no route to host" } }, "status"),
      "BSLCannotGet",
      "LocationUnavailable: location main is not available: no route to host",
    ],
    [
      "is gone",
      async () => {
        await cluster.delete("BackupStorageLocation", namespace, "main");
        deps.live.remove(deps.live.get("BackupStorageLocation", { namespace, name: "main" }) as KubeObject);
      },
      "BSLNotFound",
      "main is gone: make it again, or give the data up with holdfast backup delete --force",
    ],
  ];
  it.each(locations)(
    "says so where the location %s, and deletes when it is well again",
    async (_name, change, label, said) => {
      await expired("old", 0.5);
      await change();

      const marked = await look();
      const [labelled, told] = [await gcFailure("old"), await blockedBy("Backup", "old")];
      await mend();
      const mended = await look();

      expect([marked, labelled]).toEqual([0, label]);
      expect(told).toContain(said);
      expect([mended, await store.listPrefixes("backups/")]).toEqual([1, []]);
    },
  );

  it("takes the label back where a backup is to stay after all", async () => {
    await expired("old", 0.5);
    await changeLocation({ spec: { accessMode: "ReadOnly" } });
    await look();
    const gvr = { group: "holdfast.dev", version: "v1alpha1", resource: "backups" };
    const later = { status: { expiration: new Date(clock.now() + HOUR).toISOString() } };
    deps.live.put(
      await kube.patch(gvr, { namespace, name: "old" }, { type: "merge", body: later }, { subresource: "status" }),
    );

    await look();

    expect([await gcFailure("old"), await blockedBy("Backup", "old")]).toEqual([undefined, undefined]);
  });

  it("gives up what nobody can reach any more only when it is forced to", async () => {
    await expired("lost", -1);
    await cluster.delete("BackupStorageLocation", namespace, "main");
    deps.live.remove(deps.live.get("BackupStorageLocation", { namespace, name: "main" }) as KubeObject);
    const ask = async (annotations: object) => {
      deps.live.put((await cluster.patch("Backup", namespace, "lost", { metadata: { annotations } })) as never);
      await reconcileBackup(deps, { namespace, name: "lost" });
    };

    await ask({ "holdfast.dev/delete-requested": "lost" });
    const refused = await blockedBy("Backup", "lost");
    await ask({ "holdfast.dev/delete-forced": "lost" });

    expect(refused).toContain("LocationMissing");
    expect(await inCluster("Backup", "lost")).toBeUndefined();
    expect(await store.listPrefixes("backups/")).toEqual(["lost/"]);
  });
});

const LOCATIONS = { group: "holdfast.dev", version: "v1alpha1", resource: "backupstoragelocations" };

async function changeLocation(body: object, subresource?: "status"): Promise<void> {
  const options = subresource === undefined ? {} : { subresource };
  deps.live.put(await kube.patch(LOCATIONS, { namespace, name: "main" }, { type: "merge", body }, options));
}

async function mend(): Promise<void> {
  if (deps.live.get("BackupStorageLocation", { namespace, name: "main" }) === undefined)
    await put("BackupStorageLocation", "main", { provider: "filesystem", filesystem: { path: "/nowhere" } }, AVAILABLE);
  await changeLocation({ spec: { accessMode: "ReadWrite" } });
  await changeLocation({ status: { phase: "Available" } }, "status");
}
