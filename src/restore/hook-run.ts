/**
 * Exec hooks of restored pods: each pod's hooks run in order once their containers do, beside the rest of the restore
 * (velero-facts §4.11). A pod that ends, or a hook that waits too long, is an error that names it.
 */
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { ExecResult } from "../kube/client.ts";
import { execPatiently } from "../kube/exec-patiently.ts";
import { type ExecHook, execHooksFor } from "./hook-spec.ts";
import { recordsAt, textAt } from "./json-path.ts";
import type { RestoreSession } from "./session.ts";
import type { HookResult } from "./types.ts";

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
  /** The pod as it was created; undefined for one that an earlier attempt created, which is looked up. */
  start(key: ObjectKey, pod: KubeObject | undefined): void;
  finish(): Promise<HookTally>;
  /** The run is cut short: what waits begins no more, and nothing is under way when this resolves. */
  stop(): Promise<void>;
}

/** Hooks of one restore. */
export function createHookRunner(given: RestoreSession): HookRunner {
  const stopped = new AbortController();
  const signal = AbortSignal.any([
    stopped.signal,
    ...(given.request.signal === undefined ? [] : [given.request.signal]),
  ]);
  const session = { ...given, request: { ...given.request, signal } };
  const running: Promise<{ readonly namespace: string; readonly result: HookResult }>[] = [];
  return {
    start: (key, pod) => {
      if (pod !== undefined && execHooksFor(pod, session.options.hooks).length === 0) return;
      const run = pod === undefined ? resumePod(session, key) : journalled(session, key, pod);
      const result = run.catch(
        (error: unknown): HookResult => ({
          attempted: 1,
          failed: 1,
          errors: [`hooks of pod ${key.name}: ${messageOf(error)}`],
        }),
      );
      running.push(result.then((each) => ({ namespace: key.namespace, result: each })));
    },
    finish: async () => {
      const results = await Promise.all(running);
      return {
        attempted: results.reduce((sum, { result }) => sum + result.attempted, 0),
        failed: results.reduce((sum, { result }) => sum + result.failed, 0),
        errors: results.flatMap(({ namespace, result }) => result.errors.map((message) => ({ namespace, message }))),
      };
    },
    stop: async () => {
      stopped.abort();
      await Promise.all(running);
    },
  };
}

const NOTHING: HookResult = { attempted: 0, failed: 0, errors: [] };

/** A pod that an earlier attempt created: its hooks are run where that attempt had not begun with them. */
async function resumePod(session: RestoreSession, key: ObjectKey): Promise<HookResult> {
  const { hookJournal, signal } = session.request;
  if (hookJournal === undefined) return NOTHING;
  const state = hookJournal.state(key);
  if (state !== undefined && state !== "begun") return state;
  const pod = await session.deps.kube.get(PODS, key, signal);
  const hooks = pod === undefined ? [] : execHooksFor(pod, session.options.hooks);
  if (pod === undefined || hooks.length === 0) return NOTHING;
  if (state === undefined) return await journalled(session, key, pod);
  const message = `the hooks of pod ${key.name} had begun when the run was interrupted, and are not run twice: look whether they did their work`;
  return { attempted: hooks.length, failed: hooks.length, errors: [message] };
}

async function journalled(session: RestoreSession, key: ObjectKey, pod: KubeObject): Promise<HookResult> {
  const { hookJournal, signal } = session.request;
  const tally: HookCount = { attempted: 0, failed: 0, errors: [] };
  await runPod(session, { key, pod, begin: async () => await hookJournal?.begin(key) }, tally);
  // What a shutdown cuts short is not over: the next attempt finds what was begun, and what was not.
  if (signal?.aborted !== true) await hookJournal?.end(key, tally);
  return tally;
}

interface HookCount {
  attempted: number;
  failed: number;
  errors: string[];
}

interface HookedPod {
  readonly key: ObjectKey;
  readonly pod: KubeObject;
  /** Called before each command. */
  begin(): Promise<void>;
}

async function runPod(session: RestoreSession, { key, pod, begin }: HookedPod, tally: HookCount): Promise<void> {
  const began = session.deps.clock.monotonic();
  const fail = (message: string): void => {
    tally.failed++;
    tally.errors.push(message);
  };
  const known = hooksInContainers(pod, execHooksFor(pod, session.options.hooks));
  for (const [index, hook] of known.entries()) {
    tally.attempted++;
    const ready = await waitForContainer(session, key, hook, began).catch((error: unknown) => messageOf(error));
    if (ready !== undefined) {
      fail(`hook ${hook.name} in container ${hook.container} ${ready}`);
      if (ready.startsWith("in pod")) return failRest(known.slice(index + 1), ready, tally);
      continue;
    }
    await begin();
    const problem = await exec(session, key, hook);
    if (problem === undefined) continue;
    fail(`hook ${hook.name} in container ${hook.container} in pod ${key.name} failed: ${problem}`);
    if (hook.onError === "Fail")
      return failRest(known.slice(index + 1), `in pod ${key.name} not executed: an earlier hook failed`, tally);
  }
}

/** Hooks without a container run in the first one; those for a container that is not there in none, as in Velero. */
function hooksInContainers(pod: KubeObject, hooks: readonly ExecHook[]): ExecHook[] {
  const names = new Set(recordsAt(pod, "spec", "containers").map((container) => textAt(container, "name")));
  const first = [...names][0] ?? "";
  return hooks
    .map((hook) => ({ ...hook, container: hook.container === "" ? first : hook.container }))
    .filter(({ container }) => names.has(container));
}

function failRest(rest: readonly ExecHook[], why: string, tally: HookCount): void {
  for (const hook of rest) {
    tally.attempted++;
    tally.failed++;
    tally.errors.push(`hook ${hook.name} in container ${hook.container} ${why}`);
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
  const { kube, clock } = session.deps;
  let result: ExecResult;
  try {
    result = await execPatiently(kube, clock, target, session.request.signal);
  } catch (error) {
    return messageOf(error);
  }
  if (result.type === "timedOut") return `timed out after ${hook.execTimeoutMs} ms`;
  if (result.type !== "exited") return result.message;
  if (result.exitCode === 0) return undefined;
  return `exit code ${result.exitCode}${result.stderr === "" ? "" : `: ${result.stderr.trim().slice(0, 500)}`}`;
}
