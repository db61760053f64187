/** Kubernetes' strategic merge patch, for the built-in kinds whose list keys are known. */

import { type KubeObject, parseApiVersion } from "../api/object.ts";
import { applyMergePatch } from "../api/patch.ts";
import { isRecord } from "./json-path.ts";

/** Lists that merge by a key, by field name. A Service's ports merge by `port`, a container's by `containerPort`. */
const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  ephemeralContainers: ["name"],
  volumes: ["name"],
  env: ["name"],
  ports: ["containerPort", "port"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  imagePullSecrets: ["name"],
  secrets: ["name"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey"],
  resourceClaims: ["name"],
  schedulingGates: ["name"],
  ownerReferences: ["uid"],
  conditions: ["type"],
  webhooks: ["name"],
  podIPs: ["ip"],
};

/** Lists of plain values that are united. */
const UNITED: ReadonlySet<string> = new Set(["finalizers"]);

/** Groups whose lists are known, as in Velero; to every other one belong custom resources. */
const BUILT_IN: ReadonlySet<string> = new Set([
  "",
  "apps",
  "autoscaling",
  "batch",
  "extensions",
  "policy",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "internal.apiserver.k8s.io",
  "networking.k8s.io",
  "node.k8s.io",
  "rbac.authorization.k8s.io",
  "resource.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
  "storagemigration.k8s.io",
]);

/** A new object with the patch merged. @throws Error for a kind whose lists are unknown, or a malformed patch. */
export function strategicMerge(object: KubeObject, patch: unknown): KubeObject {
  const { group } = parseApiVersion(object.apiVersion);
  if (!BUILT_IN.has(group))
    throw new Error(`strategic merge patches work on built-in kinds only, not on ${object.apiVersion} ${object.kind}`);
  if (!isRecord(patch)) throw new Error("a strategic merge patch is an object");
  return mergeRecord(object, patch) as KubeObject;
}

function mergeRecord(original: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const { $patch: directive, $retainKeys: retained, ...changes } = patch;
  if (directive === "replace") return changes;
  if (directive === "delete") return {};
  const result: Record<string, unknown> = { ...original };
  if (Array.isArray(retained)) for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key];
  for (const [key, value] of Object.entries(changes)) mergeField(result, key, value);
  return result;
}

function mergeField(result: Record<string, unknown>, key: string, value: unknown): void {
  if (key.startsWith("$setElementOrder/")) return;
  if (key.startsWith("$deleteFromPrimitiveList/")) {
    const field = key.slice(key.indexOf("/") + 1);
    const list = result[field];
    if (Array.isArray(list) && Array.isArray(value)) result[field] = list.filter((item) => !value.includes(item));
  } else if (value === null) delete result[key];
  else if (Array.isArray(value)) result[key] = mergeList(key, result[key], value);
  else if (isRecord(value))
    result[key] = mergeRecord(isRecord(result[key]) ? (result[key] as Record<string, unknown>) : {}, value);
  else result[key] = applyMergePatch(undefined, value);
}

function mergeList(field: string, original: unknown, patch: readonly unknown[]): unknown[] {
  const list: unknown[] = Array.isArray(original) ? [...original] : [];
  if (UNITED.has(field)) return [...new Set([...list, ...patch])];
  const items = patch.filter(isRecord);
  const key = MERGE_KEYS[field]?.find((name) => items.some((item) => item[name] !== undefined));
  if (items.length < patch.length || (key === undefined && !items.some((item) => "$patch" in item))) return [...patch];
  if (items.some((item) => item.$patch === "replace")) return items.filter((item) => item.$patch !== "replace");
  return mergeByKey(list, items, key ?? "name");
}

/** Items of the patch in its order, those it does not name in theirs; where the original knows both, in its order. */
function mergeByKey(list: readonly unknown[], items: readonly Record<string, unknown>[], key: string): unknown[] {
  const keyOf = (item: unknown): unknown => (isRecord(item) ? item[key] : undefined);
  const named = new Set(items.map(keyOf));
  const place = (item: unknown): number => list.findIndex((existing) => keyOf(existing) === keyOf(item));
  const patched = items
    .filter((item) => item.$patch !== "delete")
    .map((item) => {
      const existing = list[place(item)];
      return mergeRecord(isRecord(existing) ? existing : {}, item);
    });
  const kept = list.filter((item) => !named.has(keyOf(item)));
  const merged: unknown[] = [];
  while (patched.length > 0 && kept.length > 0) {
    const known = place(patched[0]);
    merged.push(known >= 0 && known > list.indexOf(kept[0]) ? kept.shift() : patched.shift());
  }
  return [...merged, ...patched, ...kept];
}
