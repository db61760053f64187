/** Which commands run in a pod around its backup: from its annotations, else from the spec. Pure. */
import { parseDuration } from "../api/duration.ts";
import { nameFilter } from "../api/include-exclude.ts";
import type { BackupExecHook, BackupResourceHookSpec, BackupSpec } from "../api/kinds.generated.ts";
import { matchesLabels } from "../api/label-selector.ts";
import type { KubeObject } from "../api/object.ts";
import type { ResolveResource } from "../api/resource-name.ts";
import { at, records } from "./item-plan.ts";

/** One command, ready to run. */
export interface PlannedHook {
  /** For logs and results: the spec's name, or `<annotation>`. */
  readonly name: string;
  /** Undefined: the pod has no such container, or none at all; the hook fails with `problem`. */
  readonly container: string | undefined;
  readonly problem: string | undefined;
  readonly command: readonly string[];
  /**
   * `Fail` keeps the pod out of the backup when a pre hook fails. Anything else, absent among it, does not: Velero's
   * documentation says that Fail is the default, its recorded behaviour (25-backup-hooks) that it is not.
   */
  readonly onError: string | undefined;
  readonly timeoutMs: number;
  /** Worth a warning before it runs. */
  readonly remark?: string;
}

export interface PodHooks {
  readonly pre: readonly PlannedHook[];
  readonly post: readonly PlannedHook[];
}

const DEFAULT_TIMEOUT_MS = 30_000;
const ANNOTATION_DOMAINS = ["holdfast.dev", "velero.io"];

/** Compiles the spec's hooks once; the result tells each pod's hooks, undefined where it has none. */
export function hookPlanner(spec: BackupSpec, resolve: ResolveResource): (pod: KubeObject) => PodHooks | undefined {
  const fromSpec = (spec.hooks?.resources ?? []).map((resource) => ({
    resource,
    matches: podMatcher(resource, resolve),
  }));
  return (pod) => {
    const phase = at(pod, "status", "phase");
    if (phase === "Succeeded" || phase === "Failed") return undefined;
    const matching = fromSpec.filter(({ matches }) => matches(pod)).map(({ resource }) => resource);
    const of = (moment: "pre" | "post"): PlannedHook[] => {
      const annotated = annotationHook(pod, moment);
      if (annotated !== undefined) return [annotated];
      return matching.flatMap((resource) =>
        (resource[moment] ?? []).map((hook) => execHook(pod, resource.name, hook.exec)),
      );
    };
    const hooks = { pre: of("pre"), post: of("post") };
    return hooks.pre.length + hooks.post.length === 0 ? undefined : hooks;
  };
}

function podMatcher(resource: BackupResourceHookSpec, resolve: ResolveResource): (pod: KubeObject) => boolean {
  const namespaces = nameFilter({
    includes: resource.includedNamespaces ?? [],
    excludes: resource.excludedNamespaces ?? [],
  });
  const resources = nameFilter({
    includes: (resource.includedResources ?? []).map(resolve),
    excludes: (resource.excludedResources ?? []).map(resolve),
  });
  const selector = resource.labelSelector;
  return (pod) =>
    resources.includes("pods") &&
    namespaces.includes(pod.metadata.namespace ?? "") &&
    (selector === undefined || matchesLabels(selector, pod.metadata.labels));
}

function annotationHook(pod: KubeObject, moment: "pre" | "post"): PlannedHook | undefined {
  const annotations = pod.metadata.annotations ?? {};
  const prefixes = ANNOTATION_DOMAINS.map((domain) => `${moment}.hook.backup.${domain}`);
  // Velero's oldest spelling has no moment in it, and means before.
  if (moment === "pre") prefixes.push("hook.backup.velero.io");
  const prefix = prefixes.find((candidate) => (annotations[`${candidate}/command`] ?? "") !== "");
  if (prefix === undefined) return undefined;
  const read = (field: string): string | undefined => annotations[`${prefix}/${field}`];
  return {
    name: "<annotation>",
    ...chosenContainer(pod, read("container")),
    command: parseCommand(read("command") ?? ""),
    onError: read("on-error"),
    timeoutMs: timeoutMs(read("timeout")),
    ...timeoutRemark(`${prefix}/timeout`, read("timeout")),
  };
}

function execHook(pod: KubeObject, name: string, exec: BackupExecHook): PlannedHook {
  return {
    name,
    ...chosenContainer(pod, exec.container),
    command: exec.command,
    onError: exec.onError,
    timeoutMs: timeoutMs(exec.timeout),
  };
}

/** A JSON list of strings, or one command without arguments. */
function parseCommand(text: string): string[] {
  if (!text.trimStart().startsWith("[")) return [text];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((part) => typeof part === "string") ? parsed : [text];
  } catch {
    return [text];
  }
}

function timeoutMs(text: string | undefined): number {
  const ms = text === undefined || text === "" ? undefined : parseDuration(text);
  return ms === undefined || ms <= 0 ? DEFAULT_TIMEOUT_MS : ms;
}

/** A spec's time-outs are checked with it; an annotation's are met here first. */
function timeoutRemark(annotation: string, text: string | undefined): Pick<PlannedHook, "remark"> {
  if (text === undefined || text === "" || parseDuration(text) !== undefined) return {};
  return { remark: `Unable to parse provided timeout ${text} of ${annotation}, using default: write 30s or 5m` };
}

function chosenContainer(pod: KubeObject, wanted: string | undefined): Pick<PlannedHook, "container" | "problem"> {
  const containers = records(at(pod, "spec", "containers")).map((container) => String(container.name));
  if (wanted === undefined || wanted === "") {
    const [first] = containers;
    return { container: first, problem: first === undefined ? "the pod has no container" : undefined };
  }
  const sidecars = records(at(pod, "spec", "initContainers")).filter(
    (container) => container.restartPolicy === "Always",
  );
  const exists = containers.includes(wanted) || sidecars.some((container) => container.name === wanted);
  return exists
    ? { container: wanted, problem: undefined }
    : { container: undefined, problem: `no such container: "${wanted}"` };
}
