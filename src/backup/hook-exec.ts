/** Runs one hook through the real exec protocol, and those a dead run left behind. */
import { parseDuration } from "../api/duration.ts";
import type { PendingHook } from "../api/kinds.generated.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { execPatiently } from "../kube/exec-patiently.ts";
import type { Logger } from "../log.ts";
import type { PlannedHook } from "./hook-plan.ts";

/** `refused`: the command failed by itself, or never began. `unknown`: it was cut off, and may have had its effect. */
export type HookOutcome =
  | { readonly type: "succeeded" }
  | { readonly type: "refused" | "unknown"; readonly message: string };

/** What hooks are run with. */
export interface HookDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
}

/** Runs a hook to its end or its time-out. It can't be cancelled: what a pre hook began, a post hook must end. Never throws. */
export async function runHook(
  { kube, clock }: HookDeps,
  pod: { readonly namespace: string; readonly name: string },
  hook: PlannedHook,
): Promise<HookOutcome> {
  if (hook.container === undefined) return { type: "refused", message: hook.problem ?? "no container" };
  try {
    const result = await execPatiently(kube, clock, {
      namespace: pod.namespace,
      pod: pod.name,
      container: hook.container,
      command: hook.command,
      timeoutMs: hook.timeoutMs,
    });
    switch (result.type) {
      case "exited":
        if (result.exitCode === 0) return { type: "succeeded" };
        return { type: "refused", message: `exit code ${result.exitCode}${tail(result.stderr)}` };
      case "forbidden":
      case "failed":
      case "unreached":
        return { type: "refused", message: `${result.message}${tail(result.stderr)}` };
      case "lost":
        return { type: "unknown", message: `${result.message}${tail(result.stderr)}` };
      case "timedOut":
        return { type: "unknown", message: `timed out after ${hook.timeoutMs / 1_000}s${tail(result.stderr)}` };
    }
  } catch (error) {
    return { type: "unknown", message: messageOf(error) };
  }
}

/**
 * Runs the post hooks that an interrupted backup left in its CR's status, each once; `done` is awaited after each, with
 * those that are left. A pod that is gone, or another one of that name, has nothing to undo.
 */
export async function runPendingHooks(
  deps: HookDeps & { readonly log: Logger },
  pending: readonly PendingHook[],
  done: (left: readonly PendingHook[]) => Promise<void>,
): Promise<void> {
  const left = [...pending];
  for (const hook of pending) {
    const fields = { namespace: hook.namespace, pod: hook.pod };
    const pod = await deps.kube.get(
      { group: "", version: "v1", resource: "pods" },
      { namespace: hook.namespace, name: hook.pod },
    );
    if (pod === undefined || (hook.uid !== undefined && pod.metadata.uid !== hook.uid)) {
      deps.log.info(fields, "the pod of a post hook is gone");
    } else {
      const outcome = await runHook(deps, { namespace: hook.namespace, name: hook.pod }, plannedHook(hook));
      if (outcome.type !== "succeeded")
        deps.log.warn({ ...fields, reason: outcome.message }, "the post hook of an interrupted backup failed");
    }
    left.splice(left.indexOf(hook), 1);
    await done(left);
  }
}

function plannedHook(hook: PendingHook): PlannedHook {
  return {
    name: hook.name ?? "",
    container: hook.container,
    problem: undefined,
    command: hook.command,
    onError: hook.onError,
    timeoutMs: parseDuration(hook.timeout ?? "30s") ?? 30_000,
  };
}

/** The end of what a command said, on one line. */
function tail(output: string): string {
  const text = output.trim().replace(/\s+/g, " ");
  return text === "" ? "" : `: ${text.slice(-500)}`;
}
