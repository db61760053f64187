/**
 * What a cluster assigns by itself, value by value: a restore strips it from what it writes, and finds it in what stands
 * there. Only that is no difference; what a person chose is one, at the same path too.
 */
import type { KubeObject } from "../../src/api/object.ts";
import { formatPointer, parsePointer, valueAt } from "../../src/api/patch.ts";
import { stripServerFields } from "../../src/restore/strip.ts";
import type { Comparison } from "./restore-compare.ts";

/** One value that differs; `path` is an RFC 6901 pointer. */
export interface Change {
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The two sides of one object. */
export interface Pair {
  /** As it was backed up, in its place under the restore's namespace mapping. */
  readonly archived: KubeObject;
  readonly live: KubeObject;
  readonly comparison: Comparison;
}

/** The single values in which two differ: of a map that one side lacks, every key. */
export function changesBetween(from: unknown, to: unknown, path = ""): Change[] {
  if (isMap(from ?? {}) && isMap(to ?? {}) && (isMap(from) || isMap(to))) {
    const [before, after] = [(from ?? {}) as Values, (to ?? {}) as Values];
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      changesBetween(before[key], after[key], formatPointer([...parsePointer(path), key])),
    );
  }
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length)
    return from.flatMap((item, index) => changesBetween(item, to[index], `${path}/${index}`));
  return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ path, from, to }];
}

/** In what archive and cluster differ, without what every restore strips. */
export function changesOf({ archived, live }: Pair): Change[] {
  return changesBetween(stripServerFields(archived).object, stripServerFields(live).object);
}

/** True for a value that is the cluster's to give. */
export function isAssigned(change: Change, pair: Pair): boolean {
  if (/^\/metadata\/labels\/velero\.io~1(?:backup|restore)-name$/.test(change.path)) return true;
  return ASSIGNED[pair.archived.kind]?.(change, pair) ?? false;
}

/** True for a kind of which the cluster assigns something. */
export function hasAssigned(kind: string): boolean {
  return Object.hasOwn(ASSIGNED, kind);
}

type Values = Readonly<Record<string, unknown>>;

const TOKEN_VOLUME = /^\/spec\/(?:volumes\/\d+|(?:initC|c)ontainers\/\d+\/volumeMounts\/\d+)\/name$/;
const BINDING = /^\/metadata\/annotations\/pv\.kubernetes\.io~1(?:bind-completed|bound-by-controller)$/;
const PROVISIONING =
  /^\/metadata\/annotations\/(?:volume(?:\.beta)?\.kubernetes\.io~1storage-provisioner|volume\.kubernetes\.io~1selected-node)$/;

const ASSIGNED: Readonly<Record<string, (change: Change, pair: Pair) => boolean>> = {
  Pod: ({ path, from, to }) =>
    /^\/spec\/(?:nodeName|priority|preemptionPolicy)$/.test(path) ||
    (TOKEN_VOLUME.test(path) && [from, to].every((name) => String(name).startsWith("kube-api-access-"))),
  Service: ({ path }, { archived, comparison }) => {
    if (/^\/spec\/clusterIPs?(?:\/\d+)?$/.test(path)) return valueAt(archived, "/spec/clusterIP") !== "None";
    const [, port] = /^\/spec\/(?:healthCheckNodePort|ports\/(\d+)\/nodePort)$/.exec(path) ?? [];
    if (port === undefined && path !== "/spec/healthCheckNodePort") return false;
    return comparison.recorded.spec.preserveNodePorts !== true && !isChosen(archived, port);
  },
  Job: ({ path }) =>
    /^\/spec\/(?:selector\/matchLabels|template\/metadata\/labels)\/(?:batch\.kubernetes\.io~1)?controller-uid$/.test(
      path,
    ),
  // One that is let go of must lose the claim of before, or it never binds again.
  PersistentVolume: ({ path }, { live }) =>
    (/^\/spec\/claimRef\/(?:uid|resourceVersion)$/.test(path) || BINDING.test(path)) &&
    valueAt(live, "/status/phase") === "Bound",
  PersistentVolumeClaim: ({ path }, { archived, comparison }) =>
    BINDING.test(path) ||
    PROVISIONING.test(path) ||
    (path === "/spec/volumeName" && !comesBack(String(valueAt(archived, "/spec/volumeName") ?? ""), comparison)),
  Secret: ({ path }, { archived }) =>
    archived.type === "kubernetes.io/service-account-token" &&
    /^\/(?:data\/(?:token|ca\.crt)|metadata\/annotations\/kubernetes\.io~1service-account\.uid)$/.test(path),
};

/** The volume that a claim names is restored, or stands there. */
function comesBack(volume: string, { records, live }: Comparison): boolean {
  const name = `PersistentVolume ${volume}`;
  return live.has(name) && records.get(name)?.reason !== "DynamicVolume";
}

/** Somebody set the port: by `kubectl apply`, where the annotation tells, else as the managed fields tell. */
function isChosen({ metadata, spec }: KubeObject, index: string | undefined): boolean {
  const port = index === undefined ? undefined : ((spec as { ports?: Values[] }).ports ?? [])[Number(index)];
  const applied = metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"];
  if (applied !== undefined) {
    const { ports = [], healthCheckNodePort } = (JSON.parse(applied) as { spec: { ports?: Values[] } & Values }).spec;
    if (index === undefined) return Number(healthCheckNodePort ?? 0) > 0;
    return ports.some((each) => Number(each.nodePort ?? 0) > 0 && each.port === port?.port);
  }
  const owned = (metadata.managedFields ?? []).map((entry) => (entry as { fieldsV1?: Values }).fieldsV1?.["f:spec"]);
  return owned.some((fields) => {
    if (!isMap(fields)) return false;
    if (index === undefined) return "f:healthCheckNodePort" in fields;
    return Object.entries((fields["f:ports"] ?? {}) as Values).some(
      ([key, value]) => key.includes(`"port":${port?.port},`) && isMap(value) && "f:nodePort" in value,
    );
  });
}

function isMap(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
