/** Pods with hooks: pre hooks, fresh reads of the pod and its volumes, post hooks; none is frozen longer than its own block. */
import { formatGoDuration } from "../api/duration.ts";
import type { PendingHook } from "../api/kinds.generated.ts";
import { fetchObjects } from "./fetch.ts";
import { runHook } from "./hook-exec.ts";
import type { PlannedHook } from "./hook-plan.ts";
import type { HookedPod } from "./hooked-pod.ts";
import { forEachBounded } from "./pool.ts";
import type { BackupRun } from "./run.ts";

/** The post hooks that must still run, and who is told of them. */
export interface PendingHooks {
  add(hooks: readonly PendingHook[]): Promise<void>;
  remove(hook: PendingHook): Promise<void>;
}

export interface HookCounts {
  hooksAttempted: number;
  hooksFailed: number;
}

/** Backs up every pod that was taken out of the stream, a bounded number at once. Post hooks run whatever happens. */
export async function runHookedPods(run: BackupRun, pending: PendingHooks, counts: HookCounts): Promise<void> {
  await forEachBounded(run.hookedPods, run.limits.hookedPods, (pod) => backUpHookedPod(run, pod, pending, counts));
}

/** A list of pending hooks that calls `tell` with all of it at each change. */
export function createPendingHooks(
  tell: ((pending: readonly PendingHook[]) => Promise<void>) | undefined,
): PendingHooks {
  let all: readonly PendingHook[] = [];
  return {
    async add(hooks) {
      if (hooks.length === 0) return;
      all = [...all, ...hooks];
      await tell?.(all);
    },
    async remove(hook) {
      if (!all.includes(hook)) return;
      all = all.filter((candidate) => candidate !== hook);
      await tell?.(all);
    },
  };
}

async function backUpHookedPod(
  run: BackupRun,
  pod: HookedPod,
  pending: PendingHooks,
  counts: HookCounts,
): Promise<void> {
  run.signal.throwIfAborted();
  const post = pod.hooks.post.map((hook) => ({ hook, record: pendingHook(pod, hook) }));
  const mustRecord = pod.hooks.pre.length > 0;
  if (mustRecord) await pending.add(post.map(({ record }) => record));
  let state: PreState = { touched: true, dropped: false };
  try {
    state = await runPreHooks(run, pod, counts);
    await archivePod(run, pod, state.dropped);
  } finally {
    for (const { hook, record } of post) {
      // As in Velero, a pod whose pre hook failed for good has nothing to undo, unless one before it did its work.
      if (!state.dropped || state.touched) await execute(run, pod, hook, "post", counts);
      if (mustRecord) await pending.remove(record);
    }
  }
}

interface PreState {
  /** Some pre hook ran, or may have: what it froze must be thawed. */
  readonly touched: boolean;
  /** A pre hook failed whose failure keeps the pod out of the backup. */
  readonly dropped: boolean;
}

async function runPreHooks(run: BackupRun, pod: HookedPod, counts: HookCounts): Promise<PreState> {
  let touched = false;
  for (const hook of pod.hooks.pre) {
    const result = await execute(run, pod, hook, "pre", counts);
    touched ||= result !== "refused";
    if (result !== "succeeded" && hook.onError === "Fail") {
      run.journal.error("left out of the backup: a pre hook with onError Fail failed", {
        namespace: pod.namespace,
        resource: "pods",
        name: pod.name,
      });
      return { touched, dropped: true };
    }
  }
  return { touched, dropped: false };
}

/** `refused`: the command ended with a failure of its own, or never began. `unknown`: it may have run. */
type HookResult = "succeeded" | "refused" | "unknown";

async function execute(
  run: BackupRun,
  pod: HookedPod,
  hook: PlannedHook,
  moment: "pre" | "post",
  counts: HookCounts,
): Promise<HookResult> {
  counts.hooksAttempted += 1;
  const subject = { namespace: pod.namespace, resource: "pods", name: pod.name };
  if (hook.remark !== undefined) run.journal.warn(hook.remark, subject);
  const outcome = await runHook(run, pod, hook);
  if (outcome.type === "succeeded") {
    run.journal.info(`${moment} hook ${hook.name} ran in container ${hook.container ?? ""}`, subject);
    return "succeeded";
  }
  counts.hooksFailed += 1;
  run.journal.error(`${moment} hook ${hook.name} failed`, { ...subject, error: outcome.message });
  return outcome.type;
}

async function archivePod(run: BackupRun, pod: HookedPod, dropped: boolean): Promise<void> {
  const pods = run.plan.resources.get("pods");
  if (pods !== undefined && !dropped) {
    await fetchObjects(run, pods, [{ namespace: pod.namespace, name: pod.name }], { now: true, inOrder: true });
  }
  const claims = run.plan.resources.get("persistentvolumeclaims");
  if (claims === undefined || !run.plan.scope.admits(claims)) return;
  const keys = pod.claims
    .map((name) => ({ namespace: pod.namespace, name }))
    .filter((key) => !run.archive.has(claims.name, key));
  await fetchObjects(run, claims, keys, { now: true, inOrder: true });
  const volumes = run.plan.resources.get("persistentvolumes");
  if (volumes === undefined || !run.plan.scope.admits(volumes)) return;
  const bound = run.claims.filter(
    (claim) => claim.namespace === pod.namespace && pod.claims.includes(claim.name) && claim.volumeName !== "",
  );
  const names = bound
    .map((claim) => ({ namespace: "", name: claim.volumeName }))
    .filter((key) => !run.archive.has(volumes.name, key));
  await fetchObjects(run, volumes, names, { now: true, inOrder: true });
}

function pendingHook(pod: HookedPod, hook: PlannedHook): PendingHook {
  return {
    namespace: pod.namespace,
    pod: pod.name,
    ...(pod.uid === "" ? {} : { uid: pod.uid }),
    ...(hook.container === undefined ? {} : { container: hook.container }),
    command: hook.command,
    ...(hook.onError === "Fail" || hook.onError === "Continue" ? { onError: hook.onError } : {}),
    timeout: formatGoDuration(hook.timeoutMs),
    name: hook.name,
  };
}
