/**
 * Exec hooks of restored pods: each pod's hooks run in order once their containers do, beside the rest of the restore
 * (velero-facts §4.11). A pod that ends, or a hook that waits too long, is an error that names it.
 */
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { ExecResult } from "../kube/client.ts";
import { type ExecHook, execHooksFor } from "./hook-spec.ts";
import { recordsAt, textAt } from "./json-path.ts";
import type { RestoreSession } from "./session.ts";

const PODS = { group: "", version: "v1", resource: "pods" };
const POLL_MS = 500;

/** What hooks came to. */
export interface HookTally {
  readonly attempted: number;
  readonly failed: number;
  readonly errors: readonly { readonly namespace: string; readonly message: string }[];
}

/** Starts hooks as pods are created, and waits for all of them. */
export interface HookRunner {
  start(pod: KubeObject): void;
  finish(): Promise<HookTally>;
}

/** Hooks of one restore. */
export function createHookRunner(session: RestoreSession): HookRunner {
  const running: Promise<void>[] = [];
  const tally = { attempted: 0, failed: 0, errors: [] as { namespace: string; message: string }[] };
  return {
    start: (pod) => {
      const hooks = execHooksFor(pod, session.options.hooks);
      if (hooks.length > 0) running.push(runPod(session, pod, hooks, tally));
    },
    finish: async () => {
      await Promise.all(running);
      return tally;
    },
  };
}

interface MutableTally {
  attempted: number;
  failed: number;
  errors: { namespace: string; message: string }[];
}

async function runPod(
  session: RestoreSession,
  pod: KubeObject,
  hooks: readonly ExecHook[],
  tally: MutableTally,
): Promise<void> {
  const key: ObjectKey = { namespace: pod.metadata.namespace ?? "", name: pod.metadata.name };
  const { clock } = session.deps;
  const began = clock.monotonic();
  const fail = (message: string): void => {
    tally.failed++;
    tally.errors.push({ namespace: key.namespace, message });
  };
  const names = new Set(recordsAt(pod, "spec", "containers").map((container) => textAt(container, "name")));
  const first = [...names][0] ?? "";
  const known = hooks
    .map((hook) => ({ ...hook, container: hook.container === "" ? first : hook.container }))
    .filter(({ container }) => names.has(container));
  for (const [index, hook] of known.entries()) {
    tally.attempted++;
    const ready = await waitForContainer(session, key, hook, began).catch((error: unknown) => messageOf(error));
    if (ready !== undefined) {
      fail(`hook ${hook.name} in container ${hook.container} ${ready}`);
      if (ready.startsWith("in pod")) return failRest(known.slice(index + 1), ready, tally, key);
      continue;
    }
    const problem = await exec(session, key, hook);
    if (problem === undefined) continue;
    fail(`hook ${hook.name} in container ${hook.container} in pod ${key.name} failed: ${problem}`);
    if (hook.onError === "Fail")
      return failRest(known.slice(index + 1), `in pod ${key.name} not executed: an earlier hook failed`, tally, key);
  }
}

function failRest(rest: readonly ExecHook[], why: string, tally: MutableTally, key: ObjectKey): void {
  for (const hook of rest) {
    tally.attempted++;
    tally.failed++;
    tally.errors.push({ namespace: key.namespace, message: `hook ${hook.name} in container ${hook.container} ${why}` });
  }
}

/** Undefined when the container runs (or is ready); else why the hook will not be run. */
async function waitForContainer(
  session: RestoreSession,
  key: ObjectKey,
  hook: ExecHook,
  began: number,
): Promise<string | undefined> {
  const { clock, kube } = session.deps;
  const limit = hook.waitTimeoutMs > 0 ? hook.waitTimeoutMs : session.limits.resourceTimeoutMs;
  for (;;) {
    const pod = await kube.get(PODS, key, session.request.signal);
    const phase = textAt(pod, "status", "phase");
    if (pod === undefined || phase === "Succeeded" || phase === "Failed") {
      return `in pod ${key.name} not executed: the pod ${pod === undefined ? "is gone" : `is ${phase}`}`;
    }
    const status = recordsAt(pod, "status", "containerStatuses").find((each) => each.name === hook.container);
    const runs =
      status !== undefined &&
      (hook.waitForReady
        ? status.ready === true
        : recordsAt({ list: [status.state] }, "list").some((state) => state.running !== undefined));
    if (runs) return undefined;
    if (clock.monotonic() - began > limit) return "expired before executing";
    await clock.sleep(POLL_MS, session.request.signal);
  }
}

async function exec(session: RestoreSession, key: ObjectKey, hook: ExecHook): Promise<string | undefined> {
  const target = {
    namespace: key.namespace,
    pod: key.name,
    container: hook.container,
    command: hook.command,
    timeoutMs: hook.execTimeoutMs,
  };
  let result: ExecResult;
  try {
    result = await session.deps.kube.exec(target, session.request.signal);
  } catch (error) {
    return messageOf(error);
  }
  if (result.type === "timedOut") return `timed out after ${hook.execTimeoutMs} ms`;
  if (result.type !== "exited") return result.message;
  if (result.exitCode === 0) return undefined;
  return `exit code ${result.exitCode}${result.stderr === "" ? "" : `: ${result.stderr.trim().slice(0, 500)}`}`;
}
