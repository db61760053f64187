/**
 * Answers pull requests, beside the queues: planning takes long, and no reconcile waits for a forge. A source's pull
 * requests are looked at every interval, and at once when a webhook hastens it; nothing lives only in memory.
 */
import { forgeDefaults, gitSourceDefaults } from "../api/defaults.ts";
import { formatKey, keyOf, type ObjectKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { Forge, PullRequest } from "../forge/forge.ts";
import type { GitRemote, Revision } from "../git/remote.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { type Answerer, type MakeAnew, postAnswer, postOutcome, unsettledComment } from "./pull-request-answer.ts";
import { plansAnew, restoreOutcomes } from "./pull-request-outcome.ts";
import { makeReport } from "./pull-request-report.ts";
import { readPullRequest } from "./pull-request-tree.ts";

/** A plan whose inputs in Git are the same is made anew this often: the cluster moves too. */
const REPLAN_MS = 15 * 60_000;
/** The same where something could not be planned: a server that is down comes back. */
const RETRY_MS = 60_000;
/** Merged pull requests that are looked at for their outcome. */
const MERGED = 20;
const IDLE_MS = 60_000;
/** Between two looks at one source, however often it is woken. */
const LEAST_GAP_MS = 2000;

export interface PullRequestLoop {
  /** Looks at all sources with a forge until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Looks at each once. */
  once(signal: AbortSignal): Promise<void>;
  /** The next look comes at once. */
  wake(): void;
}

/** What is remembered of one source, so that an unchanged pull request costs no plan. */
interface Memory {
  /** By number: what the last answer was made of, and when it is made anew (monotonic ms). */
  readonly answered: Map<number, { readonly inputs: string; readonly staleMs: number }>;
  /** Merged ones whose outcome stands. */
  readonly settled: Set<number>;
  /** When it was looked at last, and when it is looked at next (monotonic ms). */
  lookedMs: number;
  dueMs: number;
}

/** Builds the loop. */
export function createPullRequestLoop(deps: ReconcileDeps): PullRequestLoop {
  const memories = new Map<string, Memory>();
  let awake = new AbortController();

  async function lookAt(source: Live<"GitSource">, signal: AbortSignal): Promise<void> {
    const name = formatKey(keyOf(source));
    const memory = memories.get(name) ?? { answered: new Map(), settled: new Set(), lookedMs: 0, dueMs: 0 };
    memories.set(name, memory);
    const spec = gitSourceDefaults(source.spec, deps.installation.cluster);
    memory.lookedMs = deps.clock.monotonic();
    memory.dueMs = memory.lookedMs + forgeDefaults(spec.forge ?? { type: "gitea" }, spec.intervalMs).intervalMs;
    try {
      await answerSource(deps, source, memory, signal);
    } catch (error) {
      if (signal.aborted) return;
      deps.log.warn({ source: name, error: messageOf(error) }, "pull requests were not looked at");
    }
  }

  async function once(signal: AbortSignal): Promise<void> {
    for (const source of sourcesWithForge(deps)) await lookAt(source, signal);
  }

  return {
    once,
    wake: () => {
      for (const memory of memories.values()) memory.dueMs = Math.min(memory.dueMs, memory.lookedMs + LEAST_GAP_MS);
      awake.abort();
    },
    run: async (signal) => {
      while (!signal.aborted) {
        awake = new AbortController();
        const sources = sourcesWithForge(deps);
        for (const source of sources) {
          const dueMs = memories.get(formatKey(keyOf(source)))?.dueMs ?? 0;
          if (!signal.aborted && deps.clock.monotonic() >= dueMs) await lookAt(source, signal);
        }
        const due = sources.map((source) => memories.get(formatKey(keyOf(source)))?.dueMs ?? 0);
        const waitMs = Math.max(0, Math.min(IDLE_MS, ...due.map((at) => at - deps.clock.monotonic())));
        await deps.clock.sleep(waitMs, AbortSignal.any([signal, awake.signal])).catch(() => {});
      }
    },
  };
}

function sourcesWithForge(deps: ReconcileDeps): Live<"GitSource">[] {
  const flagged = deps.sources.flagged as Live<"GitSource"> | undefined;
  return [...(flagged === undefined ? [] : [flagged]), ...deps.live.list("GitSource")].filter(
    ({ spec, metadata }) =>
      spec.forge !== undefined && spec.suspend !== true && metadata.deletionTimestamp === undefined,
  );
}

/** One source as its pull requests are answered. */
interface Place {
  readonly answerer: Answerer;
  readonly forge: Forge;
  readonly remote: GitRemote;
  readonly branch: string;
  readonly folder: string;
  readonly base: Revision;
  readonly hideValues: boolean;
}

/** One source as its merged pull requests are told of. */
interface Aftermath {
  readonly answerer: Answerer;
  readonly source: ObjectKey;
  readonly statusBranch: string;
  readonly hideValues: boolean;
}

async function answerSource(
  deps: ReconcileDeps,
  source: Live<"GitSource">,
  memory: Memory,
  signal: AbortSignal,
): Promise<void> {
  const spec = gitSourceDefaults(source.spec, deps.installation.cluster);
  if (spec.forge === undefined) return;
  const rules = forgeDefaults(spec.forge, spec.intervalMs);
  const [forge, remote] = [await deps.open.forge(source), await deps.open.git(source)];
  const name = formatKey(keyOf(source));
  const { cluster } = deps.installation;
  const { statusPrefix, hideValues } = rules;
  const answerer = { forge, cluster, source: name, statusPrefix };
  const open = (await forge.open(spec.branch)).filter(
    ({ isDraft, isFork }) => (rules.answerDrafts || !isDraft) && (rules.answerForks || !isFork),
  );
  const base = open.length === 0 ? "" : await remote.fetch(spec.branch, signal);
  const place = { answerer, forge, remote, branch: spec.branch, folder: spec.folder, base, hideValues };
  for (const pull of open) await guarded(deps, pull, signal, () => answerOne(deps, place, { pull, memory, signal }));
  const known = new Set(open.map(({ number }) => number));
  for (const number of memory.answered.keys()) if (!known.has(number)) memory.answered.delete(number);
  const aftermath = { answerer, source: keyOf(source), statusBranch: spec.statusBranch, hideValues };
  const merged = (await forge.merged(spec.branch)).slice(0, MERGED);
  for (const pull of merged) {
    if (memory.settled.has(pull.number)) continue;
    await guarded(deps, pull, signal, async () => {
      if (await isSettled(deps, aftermath, pull, signal)) memory.settled.add(pull.number);
    });
  }
}

/** One pull request that can't be answered stops no other. */
async function guarded(
  deps: ReconcileDeps,
  pull: PullRequest,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  signal.throwIfAborted();
  try {
    await work();
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn({ pullRequest: pull.url, error: messageOf(error) }, "a pull request was not answered");
  }
}

async function answerOne(
  deps: ReconcileDeps,
  place: Place,
  at: { readonly pull: PullRequest; readonly memory: Memory; readonly signal: AbortSignal },
): Promise<void> {
  const { pull, memory, signal } = at;
  const known = memory.answered.get(pull.number);
  const heads = `${pull.head.revision} ${place.base}`;
  if (known?.inputs === heads && deps.clock.monotonic() < known.staleMs) return;
  const tree = await readPullRequest({ ...place, defaultNamespace: deps.installation.namespace }, pull);
  // Asked after the base was fetched: one that was merged before would be planned against itself, and one that was pushed
  // to is seen whole by the next look.
  const now = await place.forge.get(pull.number);
  if (now?.state !== "open" || now.head.revision !== tree.head) return;
  const { answerer, folder, branch, base, hideValues } = place;
  const asked = { source: answerer.source, folder, branch, base, pull, tree };
  const made = await makeReport(deps, asked, { hideValues, signal });
  const outcome = await postAnswer(answerer, pull, made);
  const isWhole = made.report.restores.every(({ type }) => type !== "failed");
  const staleMs = deps.clock.monotonic() + (isWhole ? REPLAN_MS : RETRY_MS);
  memory.answered.set(pull.number, { inputs: heads, staleMs });
  deps.log.info({ pullRequest: pull.url, head: tree.head, comment: outcome }, "pull request is answered");
}

async function isSettled(
  deps: ReconcileDeps,
  { answerer, source, statusBranch, hideValues }: Aftermath,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const waiting = await unsettledComment(answerer, pull.number);
  if (waiting === undefined) return true;
  const lines = restoreOutcomes(deps, waiting.marker, { forge: answerer.forge, statusBranch });
  const makeAnew: MakeAnew = async (restores) => await plansAnew(deps, source, restores, { hideValues, signal });
  return await postOutcome(answerer, pull.number, { ...waiting, lines, makeAnew });
}
