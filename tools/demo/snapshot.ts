import { BACKUP_NAME_LABEL, RESTORE_NAME_LABEL, STRIPPED_METADATA } from "../../src/api/digest.ts";
import { canonicalJson, parseJson } from "../../src/api/json.ts";
import type { KubeObject } from "../../src/api/object.ts";

/** What controllers derive from other objects, made anew by them: not compared. */
const DERIVED = new Set(["Event", "Endpoints", "EndpointSlice", "Lease", "ControllerRevision", "PodMetrics"]);

/** Fields the cluster assigns anew to a recreated object, by kind; a restore drops them on purpose. */
const ASSIGNED: Readonly<Record<string, readonly string[]>> = {
  Service: ["clusterIP", "clusterIPs"],
  Pod: ["nodeName"],
};

/** The shop's objects outside a namespace, as kubectl names them. */
const CLUSTER_SCOPED = [
  "namespace/shop",
  "namespace/platform",
  "customresourcedefinition/orders.shop.example",
  "priorityclass/shop-critical",
  "clusterrole/shop-node-reader",
  "clusterrolebinding/shop-node-reader",
];

type Kubectl = (...args: string[]) => Promise<string>;

/** Canonical JSON of every object of the shop, by `Kind namespace/name`: what must come back. */
export async function takeSnapshot(kubectl: Kubectl): Promise<Map<string, string>> {
  const names = (await kubectl("api-resources", "--namespaced", "--verbs=list,create", "-o", "name"))
    .trim()
    .split("\n");
  const served = names.filter((name) => !name.endsWith("events.k8s.io"));
  const lists = await Promise.all([
    ...["shop", "platform"].map((namespace) => kubectl("get", served.join(","), "-n", namespace, "-o", "json")),
    kubectl("get", ...CLUSTER_SCOPED, "-o", "json", "--ignore-not-found"),
  ]);
  const snapshot = new Map<string, string>();
  for (const list of lists) {
    for (const object of (parseJson(list) as { items: KubeObject[] }).items) {
      if (!DERIVED.has(object.kind)) snapshot.set(nameOf(object), canonicalJson(essence(object)));
    }
  }
  return snapshot;
}

/** Names of objects that are missing, new or different now. Empty: everything is as it was. */
export function differences(before: Map<string, string>, after: Map<string, string>): string[] {
  const found: string[] = [];
  for (const [name, content] of before) {
    if (!after.has(name)) found.push(`missing    ${name}`);
    else if (after.get(name) !== content)
      found.push(`different  ${name}\n  before ${content}\n  after  ${after.get(name)}`);
  }
  for (const name of after.keys()) if (!before.has(name)) found.push(`new        ${name}`);
  return found;
}

function nameOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return `${object.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

/** The object without status, without server-assigned metadata, without the labels of the restore itself. */
function essence(object: KubeObject): unknown {
  const { status: _status, metadata, spec, ...rest } = object;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([field]) => !STRIPPED_METADATA.has(field)));
  const labels = Object.entries(metadata.labels ?? {}).filter(
    ([name]) => name !== BACKUP_NAME_LABEL && name !== RESTORE_NAME_LABEL,
  );
  const assigned = ASSIGNED[object.kind] ?? [];
  const headless = (spec as { clusterIP?: string } | undefined)?.clusterIP === "None";
  const ownSpec =
    spec === undefined || spec === null || headless
      ? spec
      : Object.fromEntries(Object.entries(spec).filter(([field]) => !assigned.includes(field)));
  return { ...rest, metadata: { ...kept, labels: Object.fromEntries(labels) }, spec: ownSpec };
}
