import { restoreDefaults } from "../api/defaults.ts";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import { keyOf } from "../api/object.ts";
import { listOwners } from "../gitops/list-owners.ts";
import { createOwnersTally, type PausePlan, planPauses } from "../gitops/pause-plan.ts";
import { type PlanHeader, type PlanSummary, planHeader } from "../report/plan.ts";
import { createPlanMarkdownRenderer } from "../report/plan-markdown.ts";
import { recordedEntry } from "../report/restore-record.ts";
import { runRestore } from "../restore/execute.ts";
import { planRestore, touchedBy } from "../restore/plan-restore.ts";
import { planUndoRestore, runUndo } from "../restore/run-undo.ts";
import type { PlanStream, RestoreDeps, RestoreOutcome, RestoreRequest, TouchedObject } from "../restore/types.ts";
import type { UndoSource } from "../restore/undo.ts";
import { openBackup } from "../storage/backup-reader.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import type { SafetyPlace } from "./restore-safety.ts";
import type { OpenedSource, UndoneRun } from "./restore-source.ts";

/** What the engine is given of the world. A ReadOnly location takes its records too, where its credentials allow. */
export function engineOf(
  { kube, clock, log }: ReconcileDeps,
  { source }: { readonly source: OpenedSource },
): RestoreDeps {
  return { kube, clock, log, store: source.store };
}

/** A restore or an undo, as the engine is asked for it. */
export interface EngineCall {
  readonly plan: Live<"RestorePlan">;
  readonly source: OpenedSource;
  readonly request: RestoreRequest;
}

/** A whole plan. */
export interface MadePlan {
  readonly summary: PlanSummary;
  /** Without values. */
  readonly markdown: string;
  /** Objects that it will write over. */
  readonly touched: readonly TouchedObject[];
  readonly pausing: PausePlan;
}

/** A whole plan: its summary, its Markdown without values, and the objects that it will write over. */
export async function makePlan(deps: ReconcileDeps, engine: RestoreDeps, call: EngineCall): Promise<MadePlan> {
  const owners = await listOwners(deps.kube, call.request.signal);
  const tally = createOwnersTally();
  const renderer = createPlanMarkdownRenderer();
  const touched: TouchedObject[] = [];
  const stream = planStream(engine, { undo: call.source.undo, request: { ...call.request, owners } });
  for (;;) {
    const next = await stream.next();
    if (next.done === true) {
      const pausing = planPauses(owners, tally.found, restoreDefaults(call.plan.spec).gitOpsOwners);
      return { summary: next.value, markdown: renderer.end(headerOf(deps, call), next.value), touched, pausing };
    }
    tally.add(next.value.ownership);
    renderer.entry(recordedEntry(next.value.entry));
    const object = touchedBy(next.value);
    if (object !== undefined) touched.push(object);
  }
}

/** The plan of a restore, or of an undo, as it is made. */
export function planStream(
  engine: RestoreDeps,
  { undo, request }: Pick<OpenedSource, "undo"> & Pick<EngineCall, "request">,
): PlanStream {
  if (undo === undefined) return planRestore(engine, request);
  return planUndoRestore(engine, { ...request, ...undoOf(undo, request.spec) });
}

function undoOf(undo: UndoneRun, { source }: RestorePlanSpec): UndoSource {
  return { ...undo, force: source.force === true, createdOnly: source.createdOnly === true };
}

/** What a plan says of itself before its objects. */
export function headerOf({ installation }: ReconcileDeps, { plan, source, request }: EngineCall): PlanHeader {
  const metadata = keyOf(plan);
  const found = { backup: request.backup.name, location: source.location.metadata.name, cluster: installation.cluster };
  return planHeader({ metadata, spec: plan.spec }, found);
}

/** Runs a restore or an undo; what the safety backup does not hold as it is now is not written. */
export async function runEngine(
  deps: ReconcileDeps,
  engine: RestoreDeps,
  call: EngineCall & { readonly safety: SafetyPlace; readonly safetyBackup: string | undefined },
  sinks: Pick<RestoreRequest, "recorded" | "hookJournal" | "onRecord" | "onProgress">,
): Promise<RestoreOutcome> {
  const { source, request, safety, safetyBackup } = call;
  if (source.undo !== undefined) {
    const { spec: _spec, ...undo } = { ...request, ...sinks };
    return await runUndo(engine, { ...undo, ...undoOf(source.undo, request.spec) });
  }
  if (safety.type !== "location" || safetyBackup === undefined)
    return await runRestore(engine, { ...request, ...sinks });
  const copies = await openBackup(await deps.open.store(safety.location), safetyBackup, { spoolDir: deps.spoolDir });
  try {
    return await runRestore(engine, { ...request, ...sinks, safety: copies });
  } finally {
    await copies.close();
  }
}
