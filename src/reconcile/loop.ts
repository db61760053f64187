import type { GitSource } from "../api/kinds.generated.ts";
import { KINDS } from "../api/kinds.ts";
import { formatKey, type KubeObject, type ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { Sample } from "../report/metrics-table.ts";
import { type Occurrence, occurrencesOf } from "../report/occurrences.ts";
import { lookForOldYears, runArchiveLoop } from "./archive-loop.ts";
import { type Controllers, createControllers } from "./controllers.ts";
import type { ReconcileDeps } from "./deps.ts";
import { createEvents } from "./events.ts";
import { createGitRecord } from "./git-record.ts";
import type { Leadership } from "./lease.ts";
import { createLiveObjects } from "./live-objects.ts";
import { createMetricsReader } from "./metrics.ts";
import { createPausedOwners } from "./paused-owners.ts";
import { createPullRequestLoop } from "./pull-request-loop.ts";
import { type RecordHealth, runRecordLoop } from "./record-loop.ts";
import { readRecordedCounts } from "./recorded-counts.ts";
import { createRetention } from "./retention-loop.ts";
import { createRuns } from "./runs.ts";
import { shutdownError } from "./shutdown.ts";
import { createSources } from "./sources.ts";
import { endedObjects, unsettled } from "./unsettled.ts";

/** A running loop, as health checks and `holdfast run` see it. */
export interface Loop {
  /** True when every kind was listed once. */
  isReady(): boolean;
  /** Looks at a source, and at its pull requests, at once. */
  hasten(source: ObjectKey): void;
  /** A source as it is known now. */
  source(key: ObjectKey): GitSource | undefined;
  /** The metrics of this leadership; none before every kind was listed. */
  samples(): Sample[];
  /** Runs until the signal aborts or the lease is lost, then ends runs and writes what waits. @throws {KubeForbidden, KubeNotFound} */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Converges once: passes over everything until one changes nothing and nothing runs. False when something still
   * fails or waits at the deadline.
   */
  converge(signal: AbortSignal, deadlineMs: number): Promise<boolean>;
}

/** How often everything is listed, whatever the watch told. */
const RELIST_MS = 5 * 60_000;
/** How often owners are looked at that something may have left paused. */
const SWEEP_MS = 15_000;
/** The first look at what has expired: locations were synced by then. */
const FIRST_LOOK_MS = 60_000;
/** Between two passes of `converge` that changed something. */
const PASS_PAUSE_MS = 200;

/** What a loop is built of: adapters, and who we are. */
export interface LoopParts
  extends Pick<
    ReconcileDeps,
    | "kube"
    | "clock"
    | "log"
    | "installation"
    | "open"
    | "hit"
    | "spoolDir"
    | "requireGit"
    | "resourcePriorities"
    | "globalVolumePolicies"
    | "restoreOnly"
  > {
  /** The source of `--repo`, which is no object in the cluster. */
  readonly flagged: GitSource | undefined;
  /** Backups and restores that run at once. */
  readonly slots: number;
  /** How long a backup or a restore may go on after we were asked to stop, in ms; then it is interrupted. */
  readonly graceMs: number;
  /** Told of what happens, besides the Events in the cluster. */
  readonly notify: (occurrence: Occurrence) => void;
  /** The lease that this loop works under. */
  readonly leadership: Pick<Leadership, "lost" | "stepDown" | "lastLedMs">;
  /** How often retention looks at what has expired, in ms. */
  readonly garbageCollectionMs: number;
}

/** Builds the loop. Nothing is asked of any server before it runs. */
export function createLoop(parts: LoopParts): Loop {
  const { flagged, slots, graceMs, leadership, notify, garbageCollectionMs, ...given } = parts;
  const live = createLiveObjects(given.installation.namespace);
  const sources = createSources({
    flagged,
    hasObjects: () => live.list("GitSource").length > 0,
    onFlagged: (before, after) => {
      // it is no object in the cluster: there is nothing that an Event could be about
      for (const occurrence of occurrencesOf(before as unknown as KubeObject, after as unknown as KubeObject))
        notify(occurrence);
    },
    onRecord: () => controllers.wakeWaiting(),
  });
  const gitRecord = createGitRecord({ live, sources, clock: given.clock, installation: given.installation });
  const runs = createRuns({ slots, clock: given.clock, log: given.log, onEnd: (run) => controllers.onRunEnd(run) });
  const paused = createPausedOwners({ ...given, live, runs });
  const deps: ReconcileDeps = { ...given, live, sources, runs, paused, record: gitRecord };
  const controllers = createControllers(deps);
  const pullRequests = createPullRequestLoop(deps);
  const { lastLedMs } = leadership;
  const retention = deps.restoreOnly
    ? undefined
    : createRetention(deps, { frequencyMs: garbageCollectionMs, lastLedMs });
  const record: RecordHealth = { lastError: undefined, failures: 0 };
  const listed = new Set<string>();
  const metrics = createMetricsReader({
    ...deps,
    cluster: given.installation.cluster,
    depth: controllers.depth,
    failures: controllers.failures,
    recordFailures: () => record.failures,
  });
  live.subscribe(controllers.onChange);
  live.subscribe(metrics.onChange);
  const events = createEvents(given);
  live.subscribe((_kind, _key, object, before) => {
    for (const occurrence of occurrencesOf(before, object)) {
      events.tell(occurrence);
      notify(occurrence);
    }
  });

  async function watchAll(signal: AbortSignal): Promise<void> {
    const watches = KINDS.map((kind) =>
      deps.kube.watchResource(kind, { signal, relistMs: RELIST_MS }, (event) => {
        if (event.type === "changed") deps.live.put(event.object);
        else if (event.type === "deleted") deps.live.remove(event.object);
        else {
          deps.live.replace(kind.kind, event.objects);
          if (event.missed > 0)
            deps.log.info({ kind: kind.kind, missed: event.missed }, "relist found what the watch missed");
          listed.add(kind.kind);
        }
      }),
    );
    await Promise.all(watches);
  }

  async function listAll(): Promise<void> {
    for (const kind of KINDS) {
      deps.live.replace(kind.kind, await deps.kube.list(kind));
      listed.add(kind.kind);
    }
    controllers.start();
  }

  const { lost } = leadership;
  lost.addEventListener("abort", () => runs.abort(lost.reason as Error), { once: true });

  async function stop(): Promise<void> {
    await controllers.close();
    if (runs.active() > 0 && !lost.aborted)
      given.log.info({ runs: runs.active(), graceMs }, "stopping: nothing new begins, and what runs may end");
    if (lost.aborted) await runs.close(lost.reason as Error, 0);
    else await runs.close(shutdownError(), graceMs);
    await events.close();
  }

  const isReady = (): boolean => listed.size === KINDS.length;
  return {
    isReady,
    // half of the objects would look like a loss of the other half
    samples: () => (isReady() ? metrics.samples() : []),
    hasten: (source) => {
      controllers.queues.GitSource.add(formatKey(source));
      pullRequests.wake();
    },
    source: (key) => {
      const own = sources.flagged?.metadata;
      const isFlagged = own?.name === key.name && (own.namespace ?? "") === key.namespace;
      return isFlagged ? sources.flagged : live.get("GitSource", key);
    },
    run: async (signal) => {
      await listAll();
      controllers.addAll();
      const recording = new AbortController();
      const { stepDown } = leadership;
      const looking = retention?.run(recording.signal, Math.min(garbageCollectionMs, FIRST_LOOK_MS));
      const recordLoop = runRecordLoop(deps, record, { signal: recording.signal, stepDown });
      const archiving = runArchiveLoop(deps, recording.signal);
      const counting = readRecordedCounts(deps, {
        known: metrics.known,
        tell: metrics.setRecorded,
        signal: recording.signal,
      });
      const ending = AbortSignal.any([signal, lost]);
      const answers = pullRequests.run(ending);
      const sweeps = sweepOwners(deps, recording.signal);
      try {
        await watchAll(ending);
      } finally {
        await stop();
        await answers;
        recording.abort();
        await Promise.all([sweeps, recordLoop, archiving, counting, looking]);
        await deps.record.flush().catch(() => {}); // what is lost here is made again from the cluster
      }
    },
    converge: async (signal, deadlineMs) => {
      try {
        const ending = AbortSignal.any([signal, lost]);
        const expire = async (): Promise<number> => (await retention?.look()) ?? 0;
        const isSettled = await convergeOnce(deps, controllers, { listAll, expire, signal: ending, deadlineMs });
        await pullRequests.once(ending);
        await lookForOldYears(deps, ending);
        return isSettled;
      } finally {
        await stop();
      }
    },
  };
}

async function convergeOnce(
  deps: ReconcileDeps,
  controllers: Controllers,
  how: {
    readonly listAll: () => Promise<void>;
    /** Marks what has expired, once all is settled; returns how much. */
    readonly expire: () => Promise<number>;
    readonly signal: AbortSignal;
    readonly deadlineMs: number;
  },
): Promise<boolean> {
  const endsAt = deps.clock.monotonic() + how.deadlineMs;
  let before = "";
  let endedBefore: ReadonlySet<string> | undefined;
  let hasLooked = false;
  for (;;) {
    how.signal.throwIfAborted();
    await how.listAll();
    endedBefore ??= endedObjects(deps);
    const failures = controllers.failures();
    controllers.addAll();
    await controllers.idle();
    await deps.runs.idle();
    await controllers.idle();
    await deps.paused.sweep();
    const unwritten = await flushError(deps, how.signal);
    const after = fingerprint(deps);
    const isQuiet = after === before && controllers.failures() === failures && deps.runs.active() === 0;
    if (isQuiet && unwritten !== undefined) throw unwritten;
    const isDone = isQuiet && (hasLooked || (await how.expire()) === 0);
    hasLooked ||= isQuiet;
    if (isDone) return isSettled(deps, endedBefore);
    before = after;
    if (deps.clock.monotonic() > endsAt)
      throw new CodedError("Internal", { detail: "converge" }, "nothing settled before the deadline");
    await deps.clock.sleep(PASS_PAUSE_MS, how.signal);
  }
}

/** Until the signal aborts. */
async function sweepOwners({ paused, clock }: ReconcileDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await paused.sweep();
    await clock.sleep(SWEEP_MS, signal).catch(() => {});
  }
}

/** Why the record could not be written; what converges without it still does. */
async function flushError(deps: ReconcileDeps, signal: AbortSignal): Promise<unknown> {
  try {
    await deps.record.flush(signal);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Changes whenever any object of ours does. */
function fingerprint({ live, sources }: ReconcileDeps): string {
  const versions = KINDS.flatMap(({ kind }) =>
    live.list(kind).map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`),
  );
  return `${versions.sort().join("\n")}\n${JSON.stringify(sources.flagged?.status)}`;
}

/** Whether nothing fails or waits; says of each thing that does what it is and why. */
function isSettled(deps: ReconcileDeps, endedBefore: ReadonlySet<string>): boolean {
  const left = unsettled(deps, endedBefore);
  for (const { object, reason, message } of left) deps.log.warn({ object, reason, message }, "this is not settled");
  return left.length === 0;
}
