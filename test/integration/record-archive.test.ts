import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../src/clock.ts";
import { noFailpoints } from "../../src/failpoints.ts";
import { silentLogger } from "../../src/log.ts";
import { runArchiveLoop } from "../../src/reconcile/archive-loop.ts";
import { createGitRecord, type GitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects, type LiveObjects } from "../../src/reconcile/live-objects.ts";
import { type ArchiveDeps, archiveOldYears } from "../../src/reconcile/record-archive.ts";
import { readRecordedCounts } from "../../src/reconcile/recorded-counts.ts";
import { createSources, type Sources } from "../../src/reconcile/sources.ts";
import type { BackupRecord } from "../../src/report/backup-record.ts";
import { parseIndex, type RecordIndex } from "../../src/report/index-file.ts";
import { renderMetrics } from "../../src/report/metrics.ts";
import type { Sample } from "../../src/report/metrics-table.ts";
import type { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const server = useGitServer();
const remotes = useGitRemotes();
const BRANCH = "holdfast/testbed";
const ARCHIVE = "holdfast-archive/testbed/2023";
const MONTH = "backups/holdfast/main/2023/04";
const KEY = "a".repeat(64);
const testKey = async (file: string) =>
  await readFile(new URL(`../testdata/git-signatures/${file}`, import.meta.url), "utf8");
const clock = { ...systemClock, now: () => Date.parse("2026-03-01T00:00:00Z") };

let repository: BareRepository;
let url: string;
let live: LiveObjects;
let sources: Sources;
let record: GitRecord;
let deps: ArchiveDeps;
/** A hundred times as fast, so that a push is given up soon. */
const FAST_CLOCK: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() * 100,
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

beforeEach(async () => {
  ({ repository, url } = await server.createRepository());
  for (const plan of live?.list("RestorePlan") ?? []) live?.remove(plan);
  await restart();
});
afterEach(() => server.setFaults());

/** A controller that knows nothing of the one before; what is in the cluster is listed again. */
async function restart(clusterUid = "uid-1", remoteClock: Clock = systemClock): Promise<void> {
  const objects = live?.list("RestorePlan") ?? [];
  const installation = { cluster: "testbed", clusterUid, namespace: "holdfast", term: 1 };
  live = createLiveObjects("holdfast");
  sources = createSources({ flagged: undefined, hasObjects: () => true, onRecord: () => {} });
  const remote = await remotes.open(
    { url },
    { signingKey: { text: await testKey("ed25519.key") }, clock: remoteClock },
  );
  sources.setRecordTarget({ namespace: "holdfast", name: "main" }, { remote, branch: BRANCH });
  record = createGitRecord({ live, sources, clock, installation });
  live.subscribe(record.note);
  live.replace("RestorePlan", objects);
  deps = { live, sources, clock, installation, record, hit: noFailpoints, log: silentLogger };
}

function backup(name: string, started: string, isGone: boolean): BackupRecord {
  const found: BackupRecord = {
    name,
    namespace: "holdfast",
    cluster: "testbed",
    location: { namespace: "holdfast", name: "main" },
    phase: "Completed",
    started,
    completed: started,
    durationSeconds: 90,
    manifestSha256: "ab".repeat(32),
  };
  return isGone ? { ...found, gone: true, deleted: true } : found;
}

/** Records a backup: one that is gone as its deletion does, one that is there as an object in the cluster. */
function note(name: string, started: string, isGone: boolean): void {
  const { name: _name, location: _location, ...status } = backup(name, started, isGone);
  if (isGone) record.noteGone(backup(name, started, true));
  else
    live.put({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "Backup",
      metadata: { name, namespace: "holdfast", uid: name, resourceVersion: "1" },
      spec: { storageLocation: "main" },
      status: { ...status, startTimestamp: started, completionTimestamp: started },
    });
}

function restoreFiles(run: string, phase: string): Map<string, string> {
  const folder = `restores/shop/undo/${run}`;
  return new Map([
    [
      `${folder}/status.yaml`,
      `name: undo\nnamespace: shop\nphase: ${phase}\nrun: ${run}\nstartTimestamp: 2023-04-01T12:00:00Z\n`,
    ],
    [`${folder}/objects.jsonl`, `{"run":"${run}"}\n`],
  ]);
}

/** What four years left: of 2022 a backup that is there, of 2023 a backup that is gone and one that is there, three restores and a key; of 2025 all. */
async function fillRecord(): Promise<void> {
  note("shop-gone", "2023-04-01T00:00:00Z", true);
  note("shop-long", "2022-04-02T00:00:00Z", false);
  note("shop-kept", "2023-04-02T00:00:00Z", false);
  note("shop-late", "2025-01-01T00:00:00Z", true);
  record.addFiles(restoreFiles("undo-20230401120000", "Completed"));
  record.addFiles(restoreFiles("undo-20230402120000", "InProgress"));
  record.addFiles(restoreFiles("undo-20250101120000", "Completed"));
  live.put({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "RestorePlan",
    metadata: { name: "declared", namespace: "shop", uid: "declared", resourceVersion: "2" },
    spec: { source: { backupName: "shop-gone" } },
    status: { phase: "Completed", run: { id: "declared-20230403120000", key: "k" } },
  });
  await record.flush();
  const done = { phase: "Completed", completedAt: "2023-04-01T12:00:09Z", term: 1 };
  await record.writeKey({
    key: KEY,
    run: "undo-20230401120000",
    cluster: "testbed",
    clusterUid: "uid-1",
    namespace: "shop",
    name: "undo",
    term: 1,
    claimedAt: "2023-04-01T12:00:00Z",
    done,
  });
}

/** Counters as a process serves them that knows nothing but the record, line by line. */
async function counters(): Promise<string[]> {
  let samples: readonly Sample[] = [];
  await readRecordedCounts(deps, {
    known: () => new Set(),
    tell: (counts) => {
      samples = counts.samples;
    },
    signal: new AbortController().signal,
  });
  const { text } = await renderMetrics(samples);
  return text
    .split("\n")
    .filter((line) => line.startsWith("holdfast_"))
    .sort();
}

function isPush({ method, url: at }: IncomingCall): boolean {
  return method === "POST" && at.endsWith("/git-receive-pack");
}

async function indexOf(branch: string): Promise<RecordIndex> {
  const index = parseIndex(Buffer.from(await repository.readFile(branch, "index.json")));
  if (index === undefined) throw new Error(`${branch} has no index`);
  return index;
}

const MOVED = [
  `${MONTH}/shop-gone.yaml`,
  "restores/shop/undo/undo-20230401120000/objects.jsonl",
  "restores/shop/undo/undo-20230401120000/status.yaml",
];

describe("old years of the record", () => {
  it("move with their bytes to the branch of the year, and what exists or is younger stays", async () => {
    await fillRecord();
    const before = await repository.readTree(BRANCH);
    const { totals } = await indexOf(BRANCH);
    const counted = await counters();

    const moved = await archiveOldYears(deps);

    const [here, there] = [await repository.readTree(BRANCH), await repository.readTree(ARCHIVE)];
    expect(moved).toBe(3);
    expect(Object.keys(there)).toEqual([`${MONTH}/index.json`, MOVED[0], "index.json", ...MOVED.slice(1)].sort());
    for (const path of MOVED) expect(there[path]).toBe(before[path]);
    expect(Object.keys(here).sort()).toEqual(
      [...Object.keys(before), "counters.json"].filter((path) => !MOVED.includes(path)).sort(),
    );
    expect(await counters()).toEqual(counted);
    expect(counted).toContain('holdfast_backup_attempt_total{namespace="holdfast",policy="",schedule=""} 4');
    expect(counted).toContain('holdfast_backup_deletion_success_total{namespace="holdfast",policy="",schedule=""} 2');
    expect(counted).toContain('holdfast_restore_success_total{namespace="shop",policy="",schedule=""} 3');
    expect(here[`${MONTH}/index.json`]).toMatch(/shop-kept/);
    expect(here[`${MONTH}/index.json`]).not.toMatch(/shop-gone/);
    expect(there[`${MONTH}/index.json`]).toMatch(/shop-gone/);
    const index = await indexOf(BRANCH);
    const counts = { backups: 0, completed: 1, partiallyFailed: 0, failed: 0, gone: 1 };
    expect(index.totals).toEqual(totals);
    expect(index.archived).toEqual({ 2023: { branch: ARCHIVE, ...counts } });
    expect((await indexOf(ARCHIVE)).totals).toEqual(counts);
    expect((await record.readKey(KEY))?.done?.phase).toBe("Completed");
    expect(await repository.branches()).toEqual([BRANCH, ARCHIVE].sort());
    const [commit] = await repository.log(ARCHIVE);
    const reader = await remotes.open({ url }, { verifyKeys: [await testKey("ed25519.pub")] });
    await reader.assertTrusted(await reader.fetch(ARCHIVE));
    await reader.assertTrusted(await reader.fetch(BRANCH));
    expect(commit?.message).toBe("Record archive of 2023: 3 files\n\nHoldfast-Cluster: testbed\nHoldfast-Term: 1");
  });

  it("move once: neither a second look nor a restart makes a commit or brings them back", async () => {
    await fillRecord();
    await archiveOldYears(deps);
    const heads = [await repository.resolve(BRANCH), await repository.resolve(ARCHIVE)];

    const again = await archiveOldYears(deps);
    await restart();
    await record.flush();
    const after = await archiveOldYears(deps);

    expect([again, after]).toEqual([0, 0]);
    expect([await repository.resolve(BRANCH), await repository.resolve(ARCHIVE)]).toEqual(heads);
  });

  it("end up the same when the process dies between the two branches", async () => {
    await fillRecord();
    const counted = await counters();
    const died = archiveOldYears({
      ...deps,
      hit: () => {
        throw new Error("dead");
      },
    });
    await expect(died).rejects.toThrow("dead");
    const archived = await repository.resolve(ARCHIVE);
    const between = await repository.readTree(BRANCH);

    await restart();
    const moved = await archiveOldYears(deps);

    expect(await counters()).toEqual(counted);
    expect(Object.keys(between)).toEqual(expect.arrayContaining(MOVED));
    expect(moved).toBe(3);
    expect(await repository.resolve(ARCHIVE)).toBe(archived);
    expect(Object.keys(await repository.readTree(BRANCH))).not.toEqual(expect.arrayContaining(MOVED));
    expect((await indexOf(BRANCH)).totals).toMatchObject({ backups: 2, gone: 2 });
  });

  it("leave a person's commits on both branches, and a file that was edited meanwhile until the next look", async () => {
    await fillRecord();
    const [file = "", , status = ""] = MOVED;
    let edit = "";
    const [note, rows] = ["note.md", `${MONTH}/index.json`];
    const theirs = await repository.commit({ branch: ARCHIVE, parent: null, files: { [note]: "keep\n", [rows]: "{" } });
    const commitBeside: GitRecord["commitBeside"] = async (...args) => {
      edit = await repository.commit({ branch: BRANCH, files: { [file]: "edited: true\n", [status]: null } });
      await record.commitBeside(...args);
      throw new Error("no further");
    };
    await expect(archiveOldYears({ ...deps, record: { ...record, commitBeside } })).rejects.toThrow("no further");

    const between = await repository.readTree(BRANCH);
    await archiveOldYears(deps);

    expect(between[file]).toBe("edited: true\n");
    expect(between[rows]).toMatch(/shop-gone/);
    const [here, there] = [await repository.readTree(BRANCH), await repository.readTree(ARCHIVE)];
    expect(here[file]).toBeUndefined();
    expect([there[file], there[note]]).toEqual(["edited: true\n", "keep\n"]);
    expect(there[rows]).toMatch(/shop-gone/);
    const commits = async (branch: string) => (await repository.log(branch)).map(({ oid }) => oid);
    expect(await commits(BRANCH)).toContain(edit);
    expect(await commits(ARCHIVE)).toContain(theirs);
  });

  it("stay until all that Git declares is in the cluster, or its source is suspended", async () => {
    await fillRecord();
    const source = { apiVersion: "holdfast.dev/v1alpha1", kind: "GitSource", spec: { url } };
    const metadata = { name: "main", namespace: "holdfast", uid: "main", resourceVersion: "3" };
    live.put({ ...source, metadata });
    live.put({ ...source, metadata: { ...metadata, name: "idle", uid: "idle" }, spec: { url, suspend: true } });

    const early = await archiveOldYears(deps);
    const before = await repository.branches();
    sources.setApplied({ namespace: "holdfast", name: "main" }, { url, branch: "main", path: "", revision: "1" }, {});
    const then = await archiveOldYears(deps);

    expect([early, before, then]).toEqual([undefined, [BRANCH], 3]);
  });

  it("stay while their RestorePlan does not know its run, as on a rebuilt cluster", async () => {
    await fillRecord();
    const undo = (resourceVersion: string, status?: object) => ({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "RestorePlan",
      metadata: { name: "undo", namespace: "shop", uid: "undo", resourceVersion },
      spec: { source: { backupName: "shop-gone" } },
      ...(status === undefined ? {} : { status }),
    });
    live.put(undo("4"));

    const early = await archiveOldYears(deps);
    const between = await repository.readTree(BRANCH);
    live.put(undo("5", { phase: "Completed", run: { id: "undo-20250101120000", key: "k" } }));
    const then = await archiveOldYears(deps);

    expect([early, then]).toEqual([1, 2]);
    expect(Object.keys(between)).toEqual(expect.arrayContaining(MOVED.slice(1)));
    expect(Object.keys(await repository.readTree(BRANCH))).not.toEqual(expect.arrayContaining(MOVED.slice(1)));
  });

  it("move in commits of at most 500 records, each year to its own branch", async () => {
    for (let i = 0; i < 1100; i++) record.noteGone(backup(`shop-${i}`, "2023-04-01T00:00:00Z", true));
    record.noteGone(backup("shop-older", "2021-12-31T23:59:59Z", true));
    await record.flush();
    const before = (await repository.log(BRANCH)).length;
    const counted = await counters();

    const moved = await archiveOldYears(deps);

    expect(moved).toBe(1101);
    expect(await counters()).toEqual(counted);
    const labels = 'namespace="holdfast",policy="",schedule=""';
    expect(counted).toContain(`holdfast_backup_duration_seconds_bucket{le="300",${labels}} 1101`);
    expect(counted).toContain(`holdfast_backup_duration_seconds_sum{${labels}} ${1101 * 90}`);
    expect((await repository.log(BRANCH)).length - before).toBe(4);
    expect((await repository.log(ARCHIVE)).length).toBe(3);
    expect((await indexOf(BRANCH)).archived).toMatchObject({ 2021: { gone: 1 }, 2023: { gone: 1100 } });
    expect(Object.keys(await repository.readTree(BRANCH)).filter((path) => path.startsWith("backups/"))).toEqual([]);
  });

  it("count a backup whose record another of its name replaced", async () => {
    note("shop", "2025-04-01T00:00:00Z", true);
    await record.flush();
    note("shop", "2025-04-02T00:00:00Z", true);
    await record.flush();

    const once = await counters();
    await restart();
    note("shop", "2025-04-02T00:00:00Z", true);
    await record.flush();

    expect(once).toContain('holdfast_backup_success_total{namespace="holdfast",policy="",schedule=""} 2');
    expect(await counters()).toEqual(once);
  });

  it("are not touched on the branch of another cluster of this name", async () => {
    await fillRecord();
    const head = await repository.resolve(BRANCH);

    await restart("uid-2");

    await expect(archiveOldYears(deps)).rejects.toThrow(/belongs to another cluster/);
    expect(await repository.resolve(BRANCH)).toBe(head);
    expect(await repository.branches()).toEqual([BRANCH]);
  });

  it("stay where they are while the archive branch takes no push, and no transition waits for it", async () => {
    await restart("uid-1", FAST_CLOCK);
    await fillRecord();
    const before = Object.keys(await repository.readTree(BRANCH));
    const hook = join(repository.path, "hooks", "update");
    await writeFile(hook, '#!/bin/sh\ncase "$1" in refs/heads/holdfast-archive/*) exit 1;; esac\n');
    await chmod(hook, 0o755);

    const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let pushes = 0;
    server.setFaults(async (call) => {
      if (!isPush(call) || pushes++ > 0) return undefined;
      reached.resolve();
      await opened.promise;
      return undefined;
    });

    const archiving = expect(archiveOldYears(deps)).rejects.toMatchObject({ code: "GitPushRejected" });
    await reached.promise;
    record.addFiles(restoreFiles("undo-20260301120000", "InProgress"));
    const flushed = await record.flush();
    opened.resolve();
    await archiving;

    expect(flushed).toMatchObject({ type: "committed" });
    expect(Object.keys(await repository.readTree(BRANCH))).toEqual(expect.arrayContaining(before));
    expect(await repository.branches()).toEqual([BRANCH]);
  });

  it("are looked for by the loop until it is ended", async () => {
    await fillRecord();
    const end = new AbortController();
    const waits: number[] = [];
    const sleep = async (ms: number) => {
      waits.push(ms);
      if (waits.length > 2) end.abort();
    };

    await runArchiveLoop({ ...deps, clock: { ...clock, sleep } }, end.signal);

    expect(waits).toEqual([15_000, 86_400_000, 86_400_000]);
    expect(Object.keys(await repository.readTree(ARCHIVE))).toEqual(expect.arrayContaining(MOVED));
  });

  it("move once when neither push is answered", async () => {
    await fillRecord();
    server.setFaults(faultOnce(isPush, { type: "dropAnswer" }, 2));

    const moved = await archiveOldYears(deps);

    expect(moved).toBe(3);
    expect(Object.keys(await repository.readTree(ARCHIVE))).toEqual(expect.arrayContaining(MOVED));
    expect((await repository.log(ARCHIVE)).length).toBe(1);
  });
});
