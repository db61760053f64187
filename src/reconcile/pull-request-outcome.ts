import { findCondition } from "../api/conditions.ts";
import type { RestorePlanStatus } from "../api/kinds.generated.ts";
import { formatKey, keyOf, type ObjectKey } from "../api/object.ts";
import type { Forge } from "../forge/forge.ts";
import { isEnded } from "../report/backup-record.ts";
import type { PullRequestMarker } from "../report/pull-request-marker.ts";
import type { PlanAnew, RestoreOutcomeLine } from "../report/pull-request-outcome.ts";
import { blocksBudget } from "../report/pull-request-page.ts";
import { restorePaths } from "../report/record-paths.ts";
import type { ReconcileDeps } from "./deps.ts";
import { restoreKey } from "./ledger-plan.ts";
import { type PlanShape, reportRestore } from "./pull-request-restore.ts";

/** Makes the plans of restores of the cluster as they would run now, for the page after the merge. Only reads. */
export async function plansAnew(
  deps: ReconcileDeps,
  source: ObjectKey,
  restores: readonly string[],
  shape: Pick<PlanShape, "hideValues" | "signal">,
): Promise<PlanAnew[]> {
  const blocksBytes = blocksBudget(restores.length);
  const plans: PlanAnew[] = [];
  for (const restore of restores) {
    const document = deps.sources
      .tree(source)
      ?.documents.find(({ object }) => object.kind === "RestorePlan" && formatKey(keyOf(object)) === restore);
    if (document === undefined) continue;
    const plan = await reportRestore(deps, document, { ...shape, blocksBytes });
    if (plan.type !== "ran") plans.push(plan);
  }
  return plans;
}

/** What became of the restores that a marker names. */
export function restoreOutcomes(
  deps: ReconcileDeps,
  marker: Pick<PullRequestMarker, "restores">,
  at: { readonly forge: Pick<Forge, "fileUrl">; readonly statusBranch: string },
): RestoreOutcomeLine[] {
  return marker.restores.map(({ name, key }) => {
    const [namespace = "", plan = ""] = name.split("/");
    return outcomeOf(deps, { namespace, name: plan }, key, (path) => at.forge.fileUrl(at.statusBranch, path));
  });
}

const WAITS = { isEnded: false, isGood: true, record: undefined, planDigest: undefined } as const;

function outcomeOf(
  deps: ReconcileDeps,
  name: ObjectKey,
  key: string,
  urlOf: (path: string) => string,
): RestoreOutcomeLine {
  const live = deps.live.get("RestorePlan", name);
  const at = { name: formatKey(name) };
  if (live === undefined) return { ...at, ...WAITS, state: "waits", message: "It is not in the cluster yet." };
  const { status } = live;
  if (status?.run?.key?.startsWith(key) === true) {
    const ended = isEnded(status.phase);
    const record = urlOf(restorePaths(name, status.run.id)[ended ? "plan" : "status"]);
    const good = !ended || status.phase === "Completed";
    return {
      ...at,
      state: status.phase ?? "runs",
      isEnded: ended,
      isGood: good,
      message: sentenceOf(status),
      record,
      planDigest: undefined,
    };
  }
  const now = restoreKey(deps.installation.cluster, name.namespace, live.spec);
  if (!now.startsWith(key))
    return { ...at, ...WAITS, state: "waits", message: "The cluster does not have the merged version of it yet." };
  return waiting(at, status);
}

function waiting(at: { readonly name: string }, status: RestorePlanStatus | undefined): RestoreOutcomeLine {
  const stalled = findCondition(status?.conditions, "Stalled");
  const ready = findCondition(status?.conditions, "Ready");
  const told = stalled?.status === "True" ? stalled : ready;
  const reason = told?.reason ?? "waits";
  const needsDigest = reason === "PlanStale" || reason === "AwaitingApproval";
  return {
    ...at,
    state: reason,
    isEnded: false,
    isGood: stalled?.status !== "True",
    message: told?.message ?? "It waits for its turn.",
    record: undefined,
    planDigest: needsDigest ? status?.planDigest : undefined,
  };
}

function sentenceOf({ phase, outcome, warnings, errors, failureReason, run }: RestorePlanStatus): string {
  if (!isEnded(phase)) return `Run ${run?.id ?? ""} is under way.`;
  const counts = Object.entries(outcome ?? {})
    .filter(([, number]) => typeof number === "number" && number > 0)
    .map(([what, number]) => `${number} ${what}`);
  const parts = [
    `Run ${run?.id ?? ""}: ${counts.length === 0 ? "no object was written" : counts.join(", ")}.`,
    ...((errors ?? 0) > 0 ? [`${errors} errors.`] : []),
    ...((warnings ?? 0) > 0 ? [`${warnings} warnings.`] : []),
    ...(failureReason === undefined ? [] : [`${failureReason}.`]),
  ];
  return parts.join(" ");
}
