/** Following one RestorePlan to its end. */
import type { RestorePlan } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";

const POLL_MS = 500;
const ENDED = new Set(["Completed", "PartiallyFailed", "Failed", "FailedValidation"]);

/** Reads one RestorePlan. @throws {Usage} when there is none of that name */
export async function readRestorePlan(io: CliIo, kube: KubeClient, name: string): Promise<RestorePlan> {
  const { namespace } = io.options();
  const plan = await kube.get(RESTORE_PLAN, { namespace, name }, io.signal);
  if (plan !== undefined) return plan as unknown as RestorePlan;
  throw new CodedError(
    "Usage",
    { argument: name },
    `there is no RestorePlan ${name} in namespace ${namespace}: see \`holdfast restore get\``,
  );
}

/** Waits for the end and sets the exit code by it; progress goes to stderr. */
export async function waitForRestore(io: CliIo, kube: KubeClient, name: string): Promise<void> {
  let told = "";
  for (;;) {
    const { status } = await readRestorePlan(io, kube, name);
    const phase = status?.phase ?? "New";
    const standing = standingOf(status);
    const line = progressLine(status, standing.why);
    if (line !== told) io.note(`${name} ${line}`);
    told = line;
    if (standing.isStalled && !ENDED.has(phase)) {
      io.exitCode = ExitCode.Failed;
      return io.print(`${name}: nothing was restored${standing.why}`);
    }
    if (ENDED.has(phase)) {
      io.exitCode =
        phase === "Completed" ? ExitCode.Done : phase === "PartiallyFailed" ? ExitCode.Partial : ExitCode.Failed;
      return io.print(`${name}: ${phase}, ${status?.errors ?? 0} errors, ${status?.warnings ?? 0} warnings`);
    }
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

function progressLine(status: RestorePlan["status"], why: string): string {
  const phase = status?.phase ?? "New";
  const { totalItems = 0, itemsRestored = 0 } = status?.progress ?? {};
  return totalItems === 0 ? `${phase}${why}` : `${phase}: ${itemsRestored} of ${totalItems} objects`;
}

/** Why it does not go on, as `: message`; stalled is what only a person or a new commit can mend. */
function standingOf(status: RestorePlan["status"]): { readonly isStalled: boolean; readonly why: string } {
  const conditions = status?.conditions ?? [];
  const isStalled = conditions.some(({ type, status: holds }) => type === "Stalled" && holds === "True");
  const ready = conditions.find(({ type, status: holds }) => type === "Ready" && holds !== "True");
  const isNews = ready !== undefined && ready.reason !== "Progressing";
  return { isStalled, why: isNews ? `: ${ready.message} [${ready.reason}]` : "" };
}
