import type { Backup, RestorePlan } from "../api/kinds.generated.ts";
import { formatKey, keyOf } from "../api/object.ts";
import { CodedError, messageOf } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import type { PlanEntry, PlanSummary } from "../report/plan.ts";
import { createPlanBlocks } from "../report/plan-markdown.ts";
import type { ReportedRestore } from "../report/pull-request.ts";
import { recordedEntry } from "../report/restore-record.ts";
import { loadRestoreInputs } from "../restore/inputs.ts";
import type { ReconcileDeps } from "./deps.ts";
import { restoreKey } from "./ledger-plan.ts";
import type { Live } from "./live-objects.ts";
import { readOnlyKube } from "./read-only.ts";
import { headerOf, planStream } from "./restore-engine.ts";
import { ledgerOf, readLedger } from "./restore-ledger.ts";
import { type OpenedSource, openSource } from "./restore-source.ts";
import type { DesiredDocument } from "./sync-plan.ts";

/** How one plan is shown. */
export interface PlanShape {
  /** Bytes its objects may take on the page; 0: totals only. */
  readonly blocksBytes: number;
  /** Digests in place of values. */
  readonly hideValues: boolean;
  readonly signal: AbortSignal;
}

/** Makes the plan of a RestorePlan as Git has it. Only reads; what goes wrong is part of the answer. */
export async function reportRestore(
  deps: ReconcileDeps,
  document: DesiredDocument,
  shape: PlanShape,
): Promise<ReportedRestore> {
  const plan = document.object as Live<"RestorePlan">;
  const at = { name: formatKey(keyOf(plan)), file: document.file, line: document.line };
  try {
    return { ...at, ...(await planned({ ...deps, kube: readOnlyKube(deps.kube) }, plan, shape)) };
  } catch (error) {
    shape.signal.throwIfAborted();
    const code = error instanceof CodedError ? error.code : "Internal";
    return { ...at, type: "failed", code, message: messageOf(error) };
  }
}

type Outcome = ReportedRestore extends infer R
  ? R extends unknown
    ? Omit<R, "name" | "file" | "line">
    : never
  : never;

async function planned(deps: ReconcileDeps, plan: Live<"RestorePlan">, shape: PlanShape): Promise<Outcome> {
  const { namespace = "" } = plan.metadata;
  const key = restoreKey(deps.installation.cluster, namespace, plan.spec);
  const before = deps.live.get("RestorePlan", keyOf(plan))?.status;
  if (before?.run?.key === key && isEnded(before.phase))
    return { type: "ran", run: before.run.id, phase: before.phase };
  const source = await openSource(deps, plan, undefined);
  if ("reason" in source) return { type: "failed", code: source.reason, message: source.message };
  try {
    const verdict = await readLedger(deps, ledgerOf(key, source), plan.spec);
    if (verdict.type === "finished") return { type: "ran", run: verdict.run, phase: verdict.phase };
    return await planOf(deps, { plan, source, shape });
  } finally {
    await source.reader.close();
  }
}

async function planOf(
  deps: ReconcileDeps,
  {
    plan,
    source,
    shape,
  }: { readonly plan: Live<"RestorePlan">; readonly source: OpenedSource; readonly shape: PlanShape },
): Promise<Outcome> {
  const { kube, clock, log, installation } = deps;
  const { spec, metadata } = plan;
  const inputs = await loadRestoreInputs(kube, spec, metadata.namespace ?? "", installation.namespace);
  const request = { run: metadata.name, spec, backup: source.reader, ...inputs, signal: shape.signal };
  const call = { plan, source, request };
  const blocks = createPlanBlocks(shape.blocksBytes);
  const show = (entry: PlanEntry): void => {
    if (shape.blocksBytes > 0) blocks.entry(shape.hideValues ? recordedEntry(entry) : entry);
  };
  const stream = planStream({ kube, clock, log, store: source.store }, { undo: source.undo, request });
  const summary = await drained(stream, show);
  const { approval } = spec;
  return {
    type: "planned",
    header: headerOf(deps, call),
    summary,
    blocks: blocks.text(),
    approval: approval?.mode === "PlanDigest" ? { wanted: approval.planDigest } : undefined,
    missingAsOf: missingAsOf(plan, source),
  };
}

async function drained(stream: ReturnType<typeof planStream>, show: (entry: PlanEntry) => void): Promise<PlanSummary> {
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return next.value;
    show(next.value.entry);
  }
}

/** When the backup that was planned began: what `asOf` has to say for it to be this one. */
function missingAsOf({ spec }: RestorePlan, { reader }: OpenedSource): string | undefined {
  if (spec.source.policy === undefined || spec.source.policy.asOf !== undefined) return undefined;
  return (reader.backup.status as Backup["status"])?.startTimestamp;
}
