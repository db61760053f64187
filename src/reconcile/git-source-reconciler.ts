import { ACCEPT_REWRITE_ANNOTATION, ALLOW_DELETIONS_ANNOTATION, GIT_SOURCE_ANNOTATION } from "../api/annotations.ts";
import { gitSourceDefaults } from "../api/defaults.ts";
import type { GitSourceStatus } from "../api/kinds.generated.ts";
import { GIT_SOURCE } from "../api/kinds.ts";
import { formatKey, keyOf, type ObjectKey } from "../api/object.ts";
import { isReadable } from "../api/parse.ts";
import { formatProblem, type Problem } from "../api/problem.ts";
import { type ValidatedTree, validateTree } from "../api/validate.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { GitRemote, Revision } from "../git/remote.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { refusalProblem } from "./refusal-problem.ts";
import { DONE, isLostRace, type Result, type StepOutcome } from "./result.ts";
import { summarize } from "./summarize.ts";
import { applySync, type SyncReport } from "./sync-apply.ts";
import { observeDocuments } from "./sync-observe.ts";
import { declaredObjects, planSync, type SyncPlan } from "./sync-plan.ts";
import { readSyncState, type SyncState } from "./sync-state.ts";
import { writeStatus } from "./write-status.ts";

/** Problems that a status lists; the count tells of the rest. */
const MAX_PROBLEMS = 20;
const HOUR_MS = 3_600_000;

type Defaults = ReturnType<typeof gitSourceDefaults>;

/** The outcome of one look at a source, with what its status says besides. */
interface Looked {
  readonly outcome: StepOutcome;
  readonly told: Partial<GitSourceStatus>;
}

/** Builds the reconciler of GitSources: fetches, validates, and makes the cluster what the commit says. */
export function createGitSourceReconciler(deps: ReconcileDeps): (key: ObjectKey) => Promise<Result> {
  const trees = new Map<string, { readonly id: string; readonly tree: ValidatedTree }>();
  const deletions = new Map<string, number[]>();
  const states = new Map<string, SyncState>();

  return async (key) => {
    const source = sourceOf(deps, key);
    if (source === undefined) {
      deps.sources.forget(key);
      return DONE;
    }
    const spec = gitSourceDefaults(source.spec, deps.installation.cluster);
    if (spec.suspend) {
      deps.sources.setRecordTarget(key, { remote: await deps.open.git(source), branch: spec.statusBranch });
      return await writeLooked(deps, source, {
        outcome: { type: "ready", reason: "Suspended", message: "suspended: nothing is fetched or applied" },
        told: {},
      });
    }
    const looked = await look(deps, source, spec, { trees, deletions, states }).catch((error: unknown): Looked => {
      if (isLostRace(error)) throw error;
      return { outcome: failureOf(error, spec.intervalMs), told: {} };
    });
    return await writeLooked(deps, source, looked);
  };
}

/** The source of `holdfast run --repo` is no object in the cluster; every other one is. */
function sourceOf(deps: ReconcileDeps, key: ObjectKey): Live<"GitSource"> | undefined {
  const { flagged } = deps.sources;
  if (flagged !== undefined && formatKey(keyOf(flagged as Live<"GitSource">)) === formatKey(key))
    return flagged as Live<"GitSource">;
  const live = deps.live.get("GitSource", key);
  return live?.metadata.deletionTimestamp === undefined ? live : undefined;
}

interface Memory {
  readonly trees: Map<string, { readonly id: string; readonly tree: ValidatedTree }>;
  /** When objects of a source were pruned, ms since the epoch. */
  readonly deletions: Map<string, number[]>;
  readonly states: Map<string, SyncState>;
}

async function look(deps: ReconcileDeps, source: Live<"GitSource">, spec: Defaults, memory: Memory): Promise<Looked> {
  const name = formatKey(keyOf(source));
  const { branch } = spec;
  const remote = await deps.open.git(source);
  deps.sources.setRecordTarget(keyOf(source), { remote, branch: spec.statusBranch });
  const revision = await remote.fetch(branch);
  deps.sources.noteFetched(keyOf(source), deps.clock.now());
  await remote.assertTrusted(revision);
  const path = spec.folder;
  const where = { url: remote.url, branch, path };
  const state = memory.states.get(name) ?? (await readSyncState(deps, source, remote, spec.statusBranch));
  memory.states.set(name, state);
  const rewritten = await historyProblem(source, remote, appliedThere(state, where), revision);
  if (rewritten !== undefined)
    return { outcome: { ...rewritten, afterMs: spec.intervalMs }, told: { lastAttemptedRevision: revision } };
  const tree = await readTree(deps, memory, { remote, revision, path, name });
  const told = describeTree(tree, revision);
  if (tree.documents.length === 0 && tree.problems.length === 0) {
    const message = `no document of holdfast.dev under ${path === "" ? "the root" : path} at ${revision.slice(0, 8)}; an empty tree is never taken for "delete everything"`;
    return { outcome: { type: "stall", reason: "NoDocuments", message, afterMs: spec.intervalMs }, told };
  }
  deps.sources.setTree(keyOf(source), { revision, documents: tree.documents });
  const report =
    spec.mode === "Observe"
      ? observeDocuments(deps, tree.documents)
      : await applySync(deps, planned(deps, source, spec, { memory, tree, revision, state, where }), name);
  memory.deletions.set(name, [...recentDeletions(memory, name, deps.clock.now()), ...report.prunedAt]);
  const isApplied = tree.problems.length === 0 && report.failures.length === 0 && report.held === undefined;
  if (isApplied) {
    const declared = declaredObjects(tree.documents);
    memory.states.set(name, { applied: { ...where, revision }, declared });
    deps.sources.setApplied(keyOf(source), { ...where, revision }, declared);
  }
  const applied = isApplied ? { lastAppliedRevision: revision, applied: where } : {};
  return { outcome: judge(tree, report, revision, spec), told: { ...told, ...applied } };
}

/** What was applied last from this branch of this repository: another one has a history of its own. */
function appliedThere(
  { applied }: SyncState,
  where: { readonly url: string; readonly branch: string },
): Revision | undefined {
  return applied?.url === where.url && applied.branch === where.branch ? applied.revision : undefined;
}

/** A head that does not descend from what was applied last, until a person accepts exactly that head. */
async function historyProblem(
  source: Live<"GitSource">,
  remote: GitRemote,
  applied: Revision | undefined,
  revision: Revision,
): Promise<StepOutcome | undefined> {
  if (applied === undefined || applied === revision) return undefined;
  if (source.metadata.annotations?.[ACCEPT_REWRITE_ANNOTATION] === revision) return undefined;
  if (await remote.isDescendant(applied, revision)) return undefined;
  const message = `the head ${revision} does not descend from ${applied}, which was applied last; the annotation ${ACCEPT_REWRITE_ANNOTATION}: ${revision} goes on from there`;
  return { type: "stall", reason: "HistoryRewritten", message };
}

async function readTree(
  deps: ReconcileDeps,
  { trees }: Memory,
  at: { readonly remote: GitRemote; readonly revision: Revision; readonly path: string; readonly name: string },
): Promise<ValidatedTree> {
  const id = `${at.remote.url} ${at.path} ${at.revision}`;
  const known = trees.get(at.name);
  if (known?.id === id) return known.tree;
  const refused: Problem[] = [];
  const files = await at.remote.readTree(at.revision, at.path, {
    wanted: isReadable,
    onRefused: (entry) => refused.push(refusalProblem(entry)),
  });
  const checked = validateTree(files, { defaultNamespace: deps.installation.namespace });
  const tree = { ...checked, problems: [...refused, ...checked.problems] };
  for (const problem of [...tree.problems.slice(0, MAX_PROBLEMS), ...tree.warnings]) {
    deps.log.info({ source: at.name, code: problem.code, problem: formatProblem(problem) }, "document has a problem");
  }
  trees.set(at.name, { id, tree });
  return tree;
}

function planned(
  deps: ReconcileDeps,
  source: Live<"GitSource">,
  spec: Defaults,
  at: {
    readonly memory: Memory;
    readonly tree: ValidatedTree;
    readonly revision: Revision;
    readonly state: SyncState;
    readonly where: { readonly url: string; readonly branch: string; readonly path: string };
  },
): SyncPlan {
  const { tree, revision, state, where } = at;
  const key = keyOf(source);
  return planSync({
    source: formatKey(key),
    cluster: deps.installation.cluster,
    revision,
    desired: tree.documents,
    previous: state.declared,
    live: (kind, name) => deps.live.get(kind as "Backup", name),
    declaredBy: (kind, name) => deps.sources.declaredBy(kind, name, key) ?? unreadHolder(deps, key, kind, name),
    prune: spec.prune,
    isPruneBlocked: isPruneBlocked(tree, state, where),
    deletions: {
      recent: recentDeletions(at.memory, formatKey(key), deps.clock.now()).length,
      allowed: source.metadata.annotations?.[ALLOW_DELETIONS_ANNOTATION],
    },
  });
}

/** After a restart: the source an object says it is from, while that source's tree was not read yet. */
function unreadHolder(deps: ReconcileDeps, self: ObjectKey, kind: string, name: ObjectKey): string | undefined {
  const holder = deps.live.get(kind as "Backup", name)?.metadata.annotations?.[GIT_SOURCE_ANNOTATION];
  if (holder === undefined || holder === formatKey(self)) return undefined;
  const [namespace = "", source = ""] = holder.split("/");
  const key = { namespace, name: source };
  return deps.sources.tree(key) === undefined && sourceOf(deps, key) !== undefined ? holder : undefined;
}

/** Nothing is pruned while a file is bad, nor at the first look after url, ref or path changed. */
function isPruneBlocked(
  tree: ValidatedTree,
  { applied }: SyncState,
  where: { readonly url: string; readonly branch: string; readonly path: string },
): boolean {
  if (tree.problems.length > 0) return true;
  if (applied === undefined) return false;
  return applied.url !== where.url || applied.branch !== where.branch || applied.path !== where.path;
}

function recentDeletions({ deletions }: Memory, source: string, nowMs: number): number[] {
  return (deletions.get(source) ?? []).filter((at) => nowMs - at < HOUR_MS);
}

function describeTree(tree: ValidatedTree, revision: Revision): Partial<GitSourceStatus> {
  return {
    lastAttemptedRevision: revision,
    documents: tree.documents.length,
    ignored: tree.ignored,
    problemCount: tree.problems.length,
    problems: tree.problems.slice(0, MAX_PROBLEMS).map(({ file, line, column, code, message, hint }) => ({
      file,
      line,
      column,
      code,
      message: hint === undefined ? message : `${message} (${hint})`,
    })),
  };
}

/** One standing out of everything that one look found, the worst first. */
function judge(tree: ValidatedTree, report: SyncReport, revision: Revision, spec: Defaults): StepOutcome {
  const afterMs = spec.intervalMs;
  const [problem] = tree.problems;
  if (problem !== undefined) {
    const more = tree.problems.length === 1 ? "" : ` (and ${tree.problems.length - 1} more)`;
    const message = `${formatProblem(problem)} [${problem.code}]${more}`;
    return { type: "stall", reason: "InvalidDocuments", message, afterMs };
  }
  const [failure] = report.failures;
  if (failure !== undefined) {
    const more = report.failures.length === 1 ? "" : ` (and ${report.failures.length - 1} more)`;
    return { type: failure.type, reason: failure.reason, message: `${failure.message}${more}`, afterMs };
  }
  if (report.held !== undefined) {
    const { held } = report;
    const message = `${held.objects.length} deletions are held (${held.why}): ${held.objects.slice(0, 5).join(", ")}; the annotation ${ALLOW_DELETIONS_ANNOTATION}: ${held.digest} allows exactly these`;
    return { type: "fail", reason: "DeletionsHeld", message, afterMs };
  }
  const verb = spec.mode === "Observe" ? "observed" : "applied";
  return {
    type: "ready",
    reason: "Applied",
    message: `${tree.documents.length} documents ${verb} at ${revision.slice(0, 12)}`,
    afterMs,
  };
}

/** Only a new commit helps against these; the remote is polled all the same. */
const STALLING = ["GitPathMissing", "GitEntryRefused", "GitBranchMissing", "GitEmpty", "GitCommitUntrusted"] as const;

function failureOf(error: unknown, afterMs: number): StepOutcome {
  const type = STALLING.some((code) => isCoded(error, code)) ? "stall" : "fail";
  return { type, reason: error instanceof CodedError ? error.code : "Internal", message: messageOf(error), afterMs };
}

async function writeLooked(deps: ReconcileDeps, source: Live<"GitSource">, looked: Looked): Promise<Result> {
  const nowMs = deps.clock.now();
  const generation = source.metadata.generation;
  const { conditions, result } = summarize({
    outcome: looked.outcome,
    conditions: source.status?.conditions,
    generation,
    nowMs,
  });
  if (looked.outcome.type !== "ready") {
    const { reason, message } = looked.outcome;
    deps.log.info({ source: formatKey(keyOf(source)), reason, message }, "source is not applied");
  }
  const status: GitSourceStatus = {
    ...source.status,
    ...looked.told,
    conditions,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
  if (source === deps.sources.flagged) deps.sources.setFlaggedStatus(status);
  else deps.live.put(await writeStatus(deps.kube, GIT_SOURCE, source, status));
  return result;
}
