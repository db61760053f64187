import { sha256 } from "../api/digest.ts";
import type { KindName } from "../api/kinds.ts";
import { type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { CodedError, messageOf } from "../errors.ts";
import type { BranchView, CommitOutcome, FileChanges } from "../git/remote.ts";
import type { BackupRecord } from "../report/backup-record.ts";
import { CLUSTER_PATH, flatKeyPath, keyPath } from "../report/record-paths.ts";
import { clusterRecordText, type KeyRecord, keyRecordText, parseKeyRecord } from "../report/restore-record.ts";
import type { Installation } from "./deps.ts";
import { backupFile, batchFiles, type ObjectFile, objectFile, pagesDigest, type RecordState } from "./record-files.ts";
import { commitMessage, type Transition } from "./record-message.ts";
import { assertOurs } from "./record-owner.ts";
import type { RecordTarget } from "./sources.ts";

/**
 * The writer of the status branch: collects transitions and puts them there, a batch in one commit. Everything in it
 * can be made again from the cluster and the bucket; what is pending here may be lost.
 */
export interface GitRecord {
  /** An object came, changed or went: its file goes with the next batch, where its bytes differ. */
  note(kind: KindName, key: ObjectKey, object: KubeObject | undefined): void;
  /** Files beside an object's own, such as a plan or the records of a run. */
  addFiles(files: ReadonlyMap<string, string | Uint8Array>): void;
  /** The bucket no longer holds a backup that the record tells of: its record says `gone`. */
  noteGone(record: BackupRecord): void;
  /** True when a batch waits. */
  isPending(): boolean;
  /** Since when the oldest of what waits has been waiting, by the monotonic clock; undefined when nothing waits. */
  pendingSinceMs(): number | undefined;
  /** Commits what waits, and the pages that sum it up; no commit where no byte differs. What fails stays pending. */
  flush(signal?: AbortSignal): Promise<CommitOutcome | undefined>;
  /** The same, for what must stand in Git before the next step. @throws {LedgerUnreadable} when it can't be reached */
  push(signal?: AbortSignal): Promise<void>;
  /** A file of the record as it stands at the head; undefined where there is none. @throws {LedgerUnreadable} */
  readFile(path: string, signal?: AbortSignal): Promise<Buffer | undefined>;
  /** What the branch knows of a restore key. @throws {LedgerUnreadable} when that can't be told */
  readKey(keySha256: string, signal?: AbortSignal): Promise<KeyRecord | undefined>;
  /**
   * Pushes a key's record at once. A record of another run is left alone and returned instead.
   * @throws {LedgerUnreadable} when it can't be pushed; @throws {ClusterMismatch}
   */
  writeKey(record: KeyRecord, signal?: AbortSignal): Promise<KeyRecord>;
  /** Commits to the status branch at once, beside what waits. @throws {ClusterMismatch, LeaseLost} and as a push does */
  commitBeside(target: RecordTarget, request: RecordCommit): Promise<CommitOutcome>;
  /** False when no source says where the record goes: then only the cluster and the bucket know the ledger. */
  isConfigured(): boolean;
}

/** A commit of its own: what it tells, and its files, made anew for each head that it is tried on. */
export interface RecordCommit {
  readonly transition: Transition;
  readonly files: (head: BranchView) => Promise<FileChanges>;
  readonly signal?: AbortSignal | undefined;
}

/** Who writes the record. */
export const RECORD_AUTHOR = { name: "Holdfast", email: "holdfast@localhost" } as const;

interface Pending {
  /** Paths with their bytes; undefined deletes. */
  readonly files: Map<string, string | Uint8Array | undefined>;
  /** Backups whose rows change, by path of their file. */
  readonly backups: Map<string, BackupRecord>;
  readonly transitions: Map<string, Transition>;
}

/** A writer with nothing pending. */
export function createGitRecord(state: RecordState): GitRecord {
  const { sources, installation } = state;
  const known = new Map<string, string>();
  let pending = emptyPending();
  /** What the branch looked like after our last commit; another head is compared whole. */
  let lastHead: string | undefined;
  let lastPages = "";
  let waitingSinceMs: number | undefined;

  function put(file: ObjectFile): void {
    putFile(pending, file);
    waitingSinceMs ??= state.clock.monotonic();
  }

  function note(kind: KindName, key: ObjectKey, object: KubeObject | undefined): void {
    const file = objectFile(state, kind, key, object);
    if (file === undefined) return;
    const digest = file.text === undefined ? undefined : sha256(file.text);
    if (known.get(file.path) === digest) return;
    if (digest === undefined) known.delete(file.path);
    else known.set(file.path, digest);
    put(file);
  }

  async function flush(signal?: AbortSignal): Promise<CommitOutcome | undefined> {
    const target = sources.recordTarget();
    if (target === undefined) return undefined;
    const pages = pagesDigest(state);
    if (pending.files.size === 0 && pages === lastPages) return undefined;
    const batch = pending;
    const beganMs = state.clock.monotonic();
    pending = emptyPending();
    try {
      const outcome = await commit(target, batch, signal);
      lastHead = outcome.revision;
      lastPages = pages;
      waitingSinceMs = pending.files.size > 0 ? beganMs : undefined;
      return outcome;
    } catch (error) {
      pending = mergePending(batch, pending);
      throw error;
    }
  }

  /** Undefined where no source says that there is a record. A record that is not open yet may know any key. */
  function reachable(): RecordTarget | undefined {
    const target = sources.recordTarget();
    if (target !== undefined || !sources.hasRecord()) return target;
    throw new CodedError("LedgerUnreadable", { where: "Git" }, "the repository of the record is not open yet");
  }

  async function readFile(path: string, signal?: AbortSignal): Promise<Buffer | undefined> {
    const target = reachable();
    if (target === undefined) return undefined;
    try {
      if ((await target.remote.head(target.branch, signal)) === undefined) return undefined;
      return await target.remote.readFile(await target.remote.fetch(target.branch, signal), path);
    } catch (error) {
      throw unreadable(error);
    }
  }

  function commit(target: RecordTarget, batch: Pending, signal: AbortSignal | undefined): Promise<CommitOutcome> {
    return target.remote.commitIfChanged({
      branch: target.branch,
      author: RECORD_AUTHOR,
      message: commitMessage([...batch.transitions.values()], installation),
      files: async (head) => {
        await assertOurs(head, installation);
        const whole = head.revision === lastHead ? batch : withEverything(state, batch);
        return batchFiles(state, head, { files: whole.files, backups: [...whole.backups.values()] });
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async function commitBeside(
    target: RecordTarget,
    { transition, files, signal }: RecordCommit,
  ): Promise<CommitOutcome> {
    let builtOn: string | undefined;
    const outcome = await target.remote.commitIfChanged({
      branch: target.branch,
      author: RECORD_AUTHOR,
      message: commitMessage([transition], installation),
      files: async (head) => {
        await assertOurs(head, installation);
        builtOn = head.revision;
        return await files(head);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    // on any other head there may be edits that only a comparison of everything undoes
    if (lastHead !== undefined && builtOn === lastHead) lastHead = outcome.revision;
    return outcome;
  }

  async function writeKey(record: KeyRecord, signal?: AbortSignal): Promise<KeyRecord> {
    const target = reachable();
    if (target === undefined) return record;
    let standing = record;
    try {
      await commitBeside(target, {
        transition: { type: "key", subject: `${record.run} ${record.done === undefined ? "begins" : "ends"}` },
        files: async (head) => {
          standing = record;
          const flat = await head.readFile(flatKeyPath(record.key));
          const path = flat === undefined ? keyPath(record.key) : flatKeyPath(record.key);
          const there = flat ?? (await head.readFile(path));
          const before = there === undefined ? undefined : readableKey(there, record.key);
          if (before !== undefined && (before.run !== record.run || before.done !== undefined)) {
            standing = before;
            return new Map();
          }
          return new Map([[path, keyRecordText(record)], clusterFile(installation)]);
        },
        signal,
      });
    } catch (error) {
      throw unreadable(error);
    }
    return standing;
  }

  return {
    note,
    addFiles: (files) => {
      for (const [path, text] of files) pending.files.set(path, text);
      waitingSinceMs ??= state.clock.monotonic();
    },
    noteGone: (record) => put(backupFile(record)),
    isPending: () => pending.files.size > 0,
    pendingSinceMs: () => waitingSinceMs,
    flush,
    push: async (signal) => {
      reachable();
      try {
        await flush(signal);
      } catch (error) {
        throw unreadable(error);
      }
    },
    writeKey,
    commitBeside,
    isConfigured: sources.hasRecord,
    readFile,
    readKey: async (key, signal) => {
      const bytes = (await readFile(keyPath(key), signal)) ?? (await readFile(flatKeyPath(key), signal));
      return bytes === undefined ? undefined : readableKey(bytes, key);
    },
  };
}

function emptyPending(): Pending {
  return { files: new Map(), backups: new Map(), transitions: new Map() };
}

function mergePending(older: Pending, newer: Pending): Pending {
  return {
    files: new Map([...older.files, ...newer.files]),
    backups: new Map([...older.backups, ...newer.backups]),
    transitions: new Map([...older.transitions, ...newer.transitions]),
  };
}

function putFile(batch: Pending, { path, text, backup, transition }: ObjectFile): void {
  batch.files.set(path, text);
  if (backup !== undefined) batch.backups.set(path, backup);
  if (transition !== undefined) batch.transitions.set(path, transition);
}

/** The batch and all that the record should hold besides: for a head that somebody else moved, or none yet seen. */
function withEverything(state: RecordState, batch: Pending): Pending {
  const whole = emptyPending();
  for (const kind of ["BackupPolicy", "Backup", "RestorePlan"] as const) {
    for (const object of state.live.list(kind)) {
      const file = objectFile(state, kind, keyOf(object), object);
      if (file !== undefined) putFile(whole, file);
    }
  }
  return mergePending(whole, batch);
}

function clusterFile({ cluster, clusterUid }: Installation): [string, string] {
  return [CLUSTER_PATH, clusterRecordText({ cluster, uid: clusterUid })];
}

function readableKey(bytes: Uint8Array, key: string): KeyRecord {
  const record = parseKeyRecord(bytes);
  if (record !== undefined) return record;
  throw new CodedError(
    "LedgerUnreadable",
    { where: "Git" },
    `${keyPath(key)} on the status branch is not a key's record`,
  );
}

function unreadable(error: unknown): CodedError {
  if (error instanceof CodedError && ["ClusterMismatch", "LedgerUnreadable", "LeaseLost"].includes(error.code))
    return error;
  return new CodedError(
    "LedgerUnreadable",
    { where: "Git" },
    `the ledger on the status branch is out of reach: ${messageOf(error)}`,
    {
      cause: error,
    },
  );
}
