import { readdir, readFile } from "node:fs/promises";
import { beforeAll, beforeEach, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import { createGitRecord, type GitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects, type Live } from "../../src/reconcile/live-objects.ts";
import {
  cleanUnfinished,
  type SyncDeps,
  syncLocation,
  UNFINISHED_GRACE_MS,
} from "../../src/reconcile/location-sync.ts";
import { createSources } from "../../src/reconcile/sources.ts";
import { claimBackup } from "../../src/storage/claims.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const cluster = usePrivateCluster();
const connect = useKubeClients();
const crds = new URL("../../manifests/crds/", import.meta.url);

let kube: KubeClient;
let namespace = "";
let deps: SyncDeps;
let record: GitRecord;
let location: Live<"BackupStorageLocation">;

beforeAll(async () => {
  for (const file of await readdir(crds)) await cluster.applyYaml(await readFile(new URL(file, crds), "utf8"));
  kube = await connect(cluster.kubeconfigPath);
});

beforeEach(async () => {
  namespace = await cluster.createNamespace();
  const installation = { cluster: "testbed", clusterUid: "uid-1", namespace, term: 1 };
  const live = createLiveObjects(namespace);
  const sources = createSources({ flagged: undefined, hasObjects: () => false, onRecord: () => {} });
  record = createGitRecord({ live, sources, clock: systemClock, installation });
  deps = { kube, clock: systemClock, log: silentLogger, installation, live, record, sources };
  location = (await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "BackupStorageLocation",
    metadata: { name: "main", namespace },
    spec: { provider: "filesystem", filesystem: { path: "/nowhere" }, default: true },
  })) as unknown as Live<"BackupStorageLocation">;
  live.put(location);
});

const MARKER = { apiVersion: "velero.io/v1", kind: "Backup", status: { phase: "Completed" } };

async function putMarker(store: MemoryStore, name: string): Promise<void> {
  const marker = { ...MARKER, metadata: { name, namespace } };
  await store.put(`backups/${name}/velero-backup.json`, Buffer.from(JSON.stringify(marker)));
}

/** A Backup of this cluster that ended, in the cluster and among the live ones. */
async function createEnded(name: string, phase = "Completed"): Promise<void> {
  const metadata = { name, namespace };
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata,
    spec: { storageLocation: "main" },
  });
  const status = { phase, cluster: "testbed", storageLocation: "main" };
  const patch = { type: "merge", body: { status } } as const;
  const gvr = { group: "holdfast.dev", version: "v1alpha1", resource: "backups" };
  deps.live.put(await kube.patch(gvr, metadata, patch, { subresource: "status" }));
}

async function backupNames(): Promise<string[]> {
  const backups: KubeObject[] = (await cluster.list("Backup", namespace)) as KubeObject[];
  return backups.map(({ metadata }) => metadata.name).sort();
}

it("a backup that begins and completes while the bucket is listed has not vanished", async () => {
  const store = new MemoryStore();
  for (const name of ["a", "b", "c"]) {
    await putMarker(store, name);
    await createEnded(name);
  }
  const list = store.listPrefixes.bind(store);
  store.listPrefixes = async (prefix) => {
    const prefixes = await list(prefix);
    if (!prefixes.includes("fresh/")) {
      await putMarker(store, "fresh");
      await createEnded("fresh");
    }
    return prefixes;
  };

  await syncLocation(deps, location, store, []);

  expect(await backupNames()).toEqual(["a", "b", "c", "fresh"]);
  expect(record.isPending()).toBe(false); // nothing is told to be gone
});

it("a LIST that leaves out what is there drops no record", async () => {
  const store = new MemoryStore();
  for (const name of ["a", "b", "c"]) {
    await putMarker(store, name);
    await createEnded(name);
  }
  const list = store.listPrefixes.bind(store);
  store.listPrefixes = async (prefix) => (await list(prefix)).filter((each) => each !== "b/");

  await syncLocation(deps, location, store, []);

  expect(await backupNames()).toEqual(["a", "b", "c"]);
});

it("the record of a failed backup stays without data, and that of a good one goes", async () => {
  const store = new MemoryStore();
  for (const name of ["a", "b"]) {
    await putMarker(store, name);
    await createEnded(name);
  }
  for (const phase of ["Completed", "PartiallyFailed", "Failed"]) await createEnded(phase.toLowerCase(), phase);

  await syncLocation(deps, location, store, []);

  expect(await backupNames()).toEqual(["a", "b", "failed", "partiallyfailed"]);
});

it("another cluster's backups and Velero's appear as they ended, and one that is there is left alone", async () => {
  const store = new MemoryStore();
  const theirs = { "holdfast.dev/cluster": "west" };
  const markers = [
    ["of-velero", "Completed", undefined],
    ["of-west", "PartiallyFailed", theirs],
    ["unfinished", "Finalizing", theirs],
  ] as const;
  for (const [name, phase, annotations] of markers) {
    const marker = { ...MARKER, metadata: { name, namespace, annotations }, status: { phase } };
    await store.put(`backups/${name}/velero-backup.json`, Buffer.from(JSON.stringify(marker)));
  }
  await createEnded("mine");
  await putMarker(store, "mine");
  const before = await cluster.get("Backup", namespace, "mine");

  await syncLocation(deps, location, store, []);
  await syncLocation(deps, location, store, []);

  const found = await cluster.list("Backup", namespace);
  expect(found.map(({ metadata, status }) => `${metadata.name} ${(status as { phase: string }).phase}`).sort()).toEqual(
    ["mine Completed", "of-velero Completed", "of-west PartiallyFailed"],
  );
  const mine = found.find(({ metadata }) => metadata.name === "mine");
  expect(mine?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
});

it("a backup that Velero still works on is told of when it has ended, whatever was said of it before", async () => {
  const store = new MemoryStore();
  const putPhase = async (phase: string): Promise<void> => {
    const marker = { ...MARKER, metadata: { name: "slow", namespace }, status: { phase } };
    await store.put("backups/slow/velero-backup.json", Buffer.from(JSON.stringify(marker)));
  };
  const phases = async (): Promise<unknown[]> =>
    (await cluster.list("Backup", namespace)).map(({ status }) => (status as { phase: string }).phase);

  await putPhase("WaitingForPluginOperations");
  await syncLocation(deps, location, store, []);
  const waiting = await phases();
  await putPhase("PartiallyFailed");
  await syncLocation(deps, location, store, []);
  const ended = await phases();
  // as an earlier version left it
  const gvr = { group: "holdfast.dev", version: "v1alpha1", resource: "backups" };
  const body = { status: { phase: "Finalizing" } };
  const slow = { namespace, name: "slow" };
  deps.live.put(await kube.patch(gvr, slow, { type: "merge", body }, { subresource: "status" }));
  await syncLocation(deps, location, store, []);

  expect([waiting, ended, await phases()]).toEqual([[], ["PartiallyFailed"], ["PartiallyFailed"]]);
});

it("what vanished within the hour counts: many small losses are held as one large one is", async () => {
  const store = new MemoryStore();
  const names = Array.from({ length: 24 }, (_each, at) => `b${at + 10}`);
  for (const name of names) {
    await putMarker(store, name);
    await createEnded(name);
  }
  const dropped: number[] = [];
  const lose = async (lost: readonly string[]) => {
    for (const name of lost) await store.delete(`backups/${name}/velero-backup.json`);
    return await syncLocation(deps, location, store, dropped);
  };

  const first = await lose(names.slice(0, 8));
  const second = await lose(names.slice(8, 12));
  const twoHoursAgo = deps.clock.monotonic() - 7_200_000;
  const later = await syncLocation(deps, location, store, dropped.fill(twoHoursAgo));

  expect(first.held).toBeUndefined();
  expect(second.held).toMatchObject({ count: 4, why: "12 deletions within an hour, more than 10 of 24" });
  expect(later.held).toBeUndefined();
  expect(await backupNames()).toEqual(names.slice(12));
});

it("the clean-up takes a dead run's folder, and asks nothing about the backups it knows", async () => {
  const claimedMs = systemClock.now() - UNFINISHED_GRACE_MS - 1000;
  const store = new MemoryStore({ now: () => claimedMs });
  for (const name of ["a", "b", "c"]) {
    await putMarker(store, name);
    await createEnded(name);
  }
  const { cluster: owner, clusterUid } = deps.installation;
  const claimedAt = new Date(claimedMs).toISOString();
  const claim = { token: "t", cluster: owner, clusterUid, namespace, name: "dead", term: 1, claimedAt };
  await claimBackup(store, "dead", claim);
  const asked: string[] = [];
  const head = store.head.bind(store);
  store.head = async (key, signal) => {
    asked.push(key.split("/")[1] ?? "");
    return await head(key, signal);
  };

  expect(await cleanUnfinished(deps, location, store)).toBe(1);

  expect(await store.listPrefixes("backups/")).toEqual(["a/", "b/", "c/"]);
  expect([...new Set(asked)]).toEqual(["dead"]);
});
