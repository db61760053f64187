import type { BackupPolicySpec, RestorePlanSpec } from "../api/kinds.generated.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import type { ParsedDocument } from "../api/validate.ts";
import type { PullRequest } from "../forge/forge.ts";
import type { PullRequestReport } from "../report/pull-request.ts";
import { blocksBudget } from "../report/pull-request-page.ts";
import { changedDocuments, type DocumentPair } from "./changed-documents-plan.ts";
import type { ReconcileDeps } from "./deps.ts";
import { restoreKey } from "./ledger-plan.ts";
import { policyEffect } from "./policy-effect-plan.ts";
import { type PlanShape, reportRestore } from "./pull-request-restore.ts";
import type { PullRequestTree } from "./pull-request-tree.ts";
import { type FindSchedule, retentionInput, scheduleOf } from "./retention-input.ts";

const NAMESPACES = { group: "", version: "v1", resource: "namespaces" } as const;

/** What an answer is made of. */
export interface AnsweredPull {
  readonly source: string;
  readonly folder: string;
  readonly branch: string;
  readonly base: string;
  readonly pull: PullRequest;
  readonly tree: PullRequestTree;
}

/** The report, and the key each planned restore would run under. */
export interface MadeReport {
  readonly report: PullRequestReport;
  readonly restores: readonly { readonly name: string; readonly key: string }[];
}

/** Plans what a pull request changes. Only reads. */
export async function makeReport(
  deps: ReconcileDeps,
  { source, folder, branch, base, pull, tree }: AnsweredPull,
  shape: Pick<PlanShape, "hideValues" | "signal">,
): Promise<MadeReport> {
  const badFiles = new Set(tree.after.problems.map(({ file }) => file));
  const pairs = changedDocuments(tree.before.documents, tree.after.documents, badFiles);
  const plans = pairs.flatMap(({ kind, after }) => (kind === "RestorePlan" && after !== undefined ? [after] : []));
  const blocksBytes = blocksBudget(plans.length);
  const restores = [];
  for (const plan of plans) restores.push(await reportRestore(deps, plan, { ...shape, blocksBytes }));
  const policies = pairs.filter(({ kind }) => kind === "BackupPolicy");
  const report: PullRequestReport = {
    cluster: deps.installation.cluster,
    source,
    folder,
    base: { branch, revision: base },
    head: { branch: pull.head.branch, revision: tree.head },
    conflicts: tree.conflicts,
    unmergeable: tree.unmergeable,
    problems: tree.after.problems,
    restores,
    policies: policies.length === 0 ? [] : await effectsOf(deps, policies, shape.signal),
    others: pairs
      .filter(({ kind, after }) => kind !== "BackupPolicy" && (kind !== "RestorePlan" || after === undefined))
      .map(({ kind, name, change }) => ({ kind, name, change })),
  };
  return { report, restores: plans.map((plan) => keyed(deps, plan)) };
}

function keyed({ installation }: ReconcileDeps, { object }: ParsedDocument): { name: string; key: string } {
  const { namespace = "", name } = object.metadata;
  const key = restoreKey(installation.cluster, namespace, object.spec as RestorePlanSpec);
  return { name: `${namespace}/${name}`, key };
}

async function effectsOf(deps: ReconcileDeps, pairs: readonly DocumentPair[], signal: AbortSignal) {
  const namespaces = (await deps.kube.list(NAMESPACES, { signal })).map(({ metadata }) => metadata.name).sort();
  const nowMs = deps.clock.now();
  const now = retentionInput(deps, nowMs);
  return pairs.map((pair) => {
    const [namespace = "", name = ""] = pair.name.split("/");
    const created = deps.live.get("BackupPolicy", { namespace, name })?.metadata.creationTimestamp;
    const createdMs = created === undefined ? undefined : Date.parse(created);
    const retention = {
      now,
      after: retentionInput(deps, nowMs, scheduleAfter(deps, pair)),
      isPolicyAfter: (key: ObjectKey) =>
        formatKey(key) === pair.name ? pair.after !== undefined : deps.live.get("BackupPolicy", key) !== undefined,
    };
    return policyEffect(pair, { namespaces, nowMs, createdMs, retention });
  });
}

/** The schedules of the cluster, but those of the pair's policy as they would be. */
function scheduleAfter({ live }: ReconcileDeps, { name, after }: DocumentPair): FindSchedule {
  const spec = after?.object.spec as BackupPolicySpec | undefined;
  return (series) =>
    formatKey(series.policy) === name
      ? spec?.schedules.find((schedule) => schedule.name === series.schedule)
      : scheduleOf(live, series);
}
