/** Counters after a restart: what exists no more is counted from the record in Git. */
import { messageOf } from "../errors.ts";
import { endedId, parseShard } from "../report/backup-record.ts";
import { recordedSamples } from "../report/backup-samples.ts";
import { Counts } from "../report/counts-file.ts";
import type { Sample } from "../report/metrics-table.ts";
import { COUNTERS_PATH } from "../report/record-paths.ts";
import { parseRestoreRecord } from "../report/restore-record.ts";
import { recordedRestoreCounts } from "../report/restore-samples.ts";
import type { ReconcileDeps } from "./deps.ts";
import { backoffMs } from "./queue.ts";
import { assertOurs } from "./record-owner.ts";
import { foldersBelow, monthShards } from "./record-tree.ts";
import type { RecordTarget } from "./sources.ts";

/** What the record adds to counters. */
export interface RecordedCounts {
  readonly samples: readonly Sample[];
  /** The backups and restore runs that are in them, by `endedId` and by folder. */
  readonly ids: ReadonlySet<string>;
}

type CountsDeps = Pick<ReconcileDeps, "sources" | "installation" | "clock" | "log">;

/** How often it is looked whether the record can be reached. */
const LOOK_MS = 1000;
const BACKOFF = { firstMs: 2000, longestMs: 120_000 };

/**
 * Reads the record once, as soon as it can be reached, and tells what it adds to what `known` has, by the same ids;
 * `known` is asked once the head is read: what ends later is not in that head.
 */
export async function readRecordedCounts(
  deps: CountsDeps,
  how: {
    readonly known: () => ReadonlySet<string>;
    readonly tell: (counts: RecordedCounts) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let failures = 0;
  while (!how.signal.aborted) {
    const target = deps.sources.recordTarget();
    let waitMs = LOOK_MS;
    try {
      if (target !== undefined) return how.tell(await countRecord(deps, target, how));
    } catch (error) {
      waitMs = backoffMs(++failures, BACKOFF, Math.random());
      if (!how.signal.aborted)
        deps.log.warn({ retryMs: waitMs, error: messageOf(error) }, "counters were not read from the record");
    }
    await deps.clock.sleep(waitMs, how.signal).catch(() => {});
  }
}

async function countRecord(
  { installation }: CountsDeps,
  { remote, branch }: RecordTarget,
  { known: knownNow, signal }: { readonly known: () => ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<RecordedCounts> {
  const ids = new Set<string>();
  if ((await remote.head(branch, signal)) === undefined) return { samples: [], ids };
  const revision = await remote.fetch(branch, signal);
  const known = knownNow();
  const readFile = (path: string): Promise<Buffer | undefined> => remote.readFile(revision, path);
  const listFolder = (path: string) => remote.listFolder(revision, path);
  await assertOurs({ readFile, commitInfo: () => remote.commitInfo(revision) }, installation);
  const counts = Counts.parse(await readFile(COUNTERS_PATH));
  const count = (id: string, samples: readonly Sample[]): void => {
    if (known.has(id) || ids.has(id)) return;
    ids.add(id);
    counts.add(samples);
  };
  for (const shard of await monthShards(listFolder)) {
    signal.throwIfAborted();
    for (const [name, row] of Object.entries(parseShard(await readFile(shard))))
      count(endedId(name, row.completed), recordedSamples(row));
  }
  for (const folder of await foldersBelow(listFolder, "restores", 3)) {
    signal.throwIfAborted();
    if (known.has(folder)) continue;
    const record = parseRestoreRecord((await readFile(`${folder}/status.yaml`)) ?? Buffer.of());
    if (record !== undefined) count(folder, recordedRestoreCounts(record));
  }
  return { samples: counts.samples(), ids };
}
