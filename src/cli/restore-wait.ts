/** Following one RestorePlan to its end. */
import type { RestorePlan } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { counted } from "../report/plan-lines.ts";
import { ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { createProgressDisplay, type Progress } from "./progress.ts";

const POLL_MS = 500;
/** Phases that nothing follows. */
export const ENDED: ReadonlySet<string> = new Set(["Completed", "PartiallyFailed", "Failed", "FailedValidation"]);

/** Reads one RestorePlan. @throws {KubeNotFound} when there is none of that name */
export async function readRestorePlan(io: CliIo, kube: KubeClient, name: string): Promise<RestorePlan> {
  const { namespace } = io.options();
  const plan = await kube.get(RESTORE_PLAN, { namespace, name }, io.signal);
  if (plan !== undefined) return plan as unknown as RestorePlan;
  throw new CodedError(
    "KubeNotFound",
    { ref: `RestorePlan ${namespace}/${name}` },
    `there is no RestorePlan ${name} in namespace ${namespace}: see \`holdfast restore get\``,
  );
}

/** Waits for the end and sets the exit code by it; progress goes to stderr. */
export async function waitForRestore(io: CliIo, kube: KubeClient, name: string): Promise<void> {
  const display = createProgressDisplay(io);
  for (;;) {
    const { status } = await readRestorePlan(io, kube, name);
    const standing = standingOf(status);
    display.show(progressOf(name, status, standing.why));
    if (ENDED.has(status?.phase ?? "New")) {
      display.end();
      return tellEnd(io, name, status);
    }
    if (standing.isStalled) {
      display.end();
      io.exitCode = ExitCode.Failed;
      return io.print(`${name}: nothing was restored${standing.why}`);
    }
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

function tellEnd(io: CliIo, name: string, status: RestorePlan["status"]): void {
  const { phase, errors = 0, warnings = 0 } = status ?? {};
  if (phase === "PartiallyFailed") io.exitCode = ExitCode.Partial;
  else if (phase !== "Completed") io.exitCode = ExitCode.Failed;
  const done = status?.conditions?.find(({ type, reason }) => type === "Ready" && reason === "AlreadyRun");
  const outcome = `${phase}, ${counted(errors, "error")}, ${counted(warnings, "warning")}`;
  const hint = errors + warnings > 0 ? `\n  holdfast restore describe ${name}   says which` : "";
  io.print(`${name}: ${done === undefined ? `${outcome}${hint}` : `nothing was restored: ${done.message}`}`);
}

function progressOf(name: string, status: RestorePlan["status"], why: string): Progress {
  const phase = status?.phase ?? "New";
  const { totalItems: total = 0, itemsRestored: done = 0 } = status?.progress ?? {};
  return { name, state: total === 0 ? `${phase}${why}` : phase, done, total };
}

/** Why it does not go on, as `: message`; stalled is what only a person or a new commit can mend. */
function standingOf(status: RestorePlan["status"]): { readonly isStalled: boolean; readonly why: string } {
  const conditions = status?.conditions ?? [];
  const isStalled = conditions.some(({ type, status: holds }) => type === "Stalled" && holds === "True");
  const ready = conditions.find(({ type, status: holds }) => type === "Ready" && holds !== "True");
  const isNews = ready !== undefined && ready.reason !== "Progressing";
  return { isStalled, why: isNews ? `: ${ready.message} [${ready.reason}]` : "" };
}
