/** Restore hooks as spec and annotations ask for them, with Velero's names and defaults. */
import { parseDuration } from "../api/duration.ts";
import type { IncludeExcludeLists } from "../api/include-exclude.ts";
import { nameFilter } from "../api/include-exclude.ts";
import { parseJson } from "../api/json.ts";
import { type LabelSelector, matchesLabels } from "../api/label-selector.ts";
import type { KubeObject } from "../api/object.ts";
import { at, isRecord, recordsAt, textAt } from "./json-path.ts";

/** One command that runs in a restored pod's container. */
export interface ExecHook {
  readonly name: string;
  /** "": the first container. */
  readonly container: string;
  readonly command: readonly string[];
  readonly onError: "Continue" | "Fail";
  readonly execTimeoutMs: number;
  /** 0: waits without an end of its own. */
  readonly waitTimeoutMs: number;
  readonly waitForReady: boolean;
}

/** One entry of `spec.hooks.resources`. */
export interface RestoreHook {
  readonly name: string;
  readonly namespaces: IncludeExcludeLists;
  readonly selector: LabelSelector | undefined;
  readonly exec: readonly ExecHook[];
  readonly initContainers: readonly Record<string, unknown>[];
}

const INIT = "init.hook.restore.velero.io/";
const POST = "post.hook.restore.velero.io/";
const DEFAULT_EXEC_TIMEOUT_MS = 30_000;

/** Reads `spec.hooks`. */
export function restoreHooks(hooks: unknown): readonly RestoreHook[] {
  return recordsAt(hooks, "resources").map((resource) => {
    const name = textAt(resource, "name");
    const post = recordsAt(resource, "postHooks");
    return {
      name,
      namespaces: { includes: texts(resource.includedNamespaces), excludes: texts(resource.excludedNamespaces) },
      selector: isRecord(resource.labelSelector) ? (resource.labelSelector as LabelSelector) : undefined,
      exec: post.flatMap((hook) => (isRecord(hook.exec) ? [execHook(name, hook.exec)] : [])),
      initContainers: post.flatMap((hook) => recordsAt(hook, "init", "initContainers")),
    };
  });
}

/** The exec hooks of one pod: its annotation's, else those of the spec that select it. */
export function execHooksFor(pod: KubeObject, hooks: readonly RestoreHook[]): readonly ExecHook[] {
  const annotated = annotatedExecHook(pod);
  return annotated === undefined ? selectedHooks(pod, hooks).flatMap((hook) => hook.exec) : [annotated];
}

/** The init containers a pod is given: its annotation's, else those of the spec that select it. */
export function initContainersFor(
  pod: KubeObject,
  namespace: string,
  hooks: readonly RestoreHook[],
  fallbackName: string,
): readonly Record<string, unknown>[] {
  const annotations = pod.metadata.annotations ?? {};
  const image = annotations[`${INIT}container-image`] ?? "";
  const command = commandOf(annotations[`${INIT}command`] ?? "");
  if (image !== "" && command.length > 0) {
    return [{ name: annotations[`${INIT}container-name`] || fallbackName, image, command }];
  }
  const placed: KubeObject = { ...pod, metadata: { ...pod.metadata, namespace } };
  return selectedHooks(placed, hooks).flatMap((hook) => hook.initContainers);
}

function selectedHooks(pod: KubeObject, hooks: readonly RestoreHook[]): readonly RestoreHook[] {
  return hooks.filter(
    (hook) =>
      nameFilter(hook.namespaces).includes(pod.metadata.namespace ?? "") &&
      (hook.selector === undefined || matchesLabels(hook.selector, pod.metadata.labels)),
  );
}

function annotatedExecHook(pod: KubeObject): ExecHook | undefined {
  const annotations = pod.metadata.annotations ?? {};
  const read = (name: string): string => annotations[`${POST}${name}`] ?? "";
  const command = commandOf(read("command"));
  if (command.length === 0) return undefined;
  return {
    name: "<from-annotation>",
    container: read("container"),
    command,
    onError: read("on-error") === "Fail" ? "Fail" : "Continue",
    execTimeoutMs: durationMs(read("exec-timeout")) || DEFAULT_EXEC_TIMEOUT_MS,
    waitTimeoutMs: durationMs(read("wait-timeout")),
    waitForReady: read("wait-for-ready").toLowerCase() === "true",
  };
}

function execHook(name: string, exec: Record<string, unknown>): ExecHook {
  return {
    name,
    container: textAt(exec, "container"),
    command: texts(exec.command),
    onError: exec.onError === "Fail" ? "Fail" : "Continue",
    execTimeoutMs: durationMs(textAt(exec, "execTimeout")) || DEFAULT_EXEC_TIMEOUT_MS,
    waitTimeoutMs: durationMs(textAt(exec, "waitTimeout")),
    waitForReady: at(exec, "waitForReady") === true,
  };
}

/** A command as an annotation writes it: a JSON list of words, or one word. */
function commandOf(text: string): readonly string[] {
  if (text === "") return [];
  if (!text.trimStart().startsWith("[")) return [text];
  try {
    return texts(parseJson(text));
  } catch {
    return [text];
  }
}

/** ms of a Go duration; 0 where there is none. */
function durationMs(text: string): number {
  return Math.max(0, parseDuration(text) ?? 0);
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
