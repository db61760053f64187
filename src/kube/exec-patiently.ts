import type { Clock } from "../clock.ts";
import type { ExecResult, ExecTarget, KubeClient } from "./client.ts";
import { retryDelayMs } from "./retry.ts";

/** As for the client's other requests. */
const LIMITS = { retryForMs: 120_000, firstContactMs: 120_000 };
const AWAY = { type: "lost", why: "connect", sent: false, cause: new Error("no connection") } as const;

/**
 * Runs a command in a container as `exec` does, and waits out an API server that is away or has too much to do: what a
 * pre hook froze must be thawed by a command that really ran. Only what surely never began is tried again.
 */
export async function execPatiently(
  kube: Pick<KubeClient, "exec">,
  clock: Clock,
  target: ExecTarget,
  signal?: AbortSignal,
): Promise<ExecResult> {
  const began = clock.monotonic();
  for (let failures = 1; ; failures++) {
    const result = await kube.exec(target, signal);
    if (result.type !== "unreached") return result;
    const elapsedMs = clock.monotonic() - began;
    const state = { failures, elapsedMs, contacted: true, repeatable: false, isWrite: true, random: Math.random() };
    const waitMs = retryDelayMs(AWAY, state, LIMITS);
    if (waitMs === undefined) return result;
    await clock.sleep(waitMs, signal);
  }
}
