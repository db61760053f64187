/** Velero's resource policies: a ConfigMap that says what becomes of which volume, and which resources to add or leave out. */
import { parseDocument } from "yaml";

/** A policy's rules; strict: unknown fields were refused. */
export interface ResourcePolicy {
  readonly volumePolicies: readonly VolumePolicy[];
  readonly includeExcludePolicy?: IncludeExcludePolicy;
}

export interface IncludeExcludePolicy {
  readonly includedClusterScopedResources?: readonly string[];
  readonly excludedClusterScopedResources?: readonly string[];
  readonly includedNamespaceScopedResources?: readonly string[];
  readonly excludedNamespaceScopedResources?: readonly string[];
}

/** The first policy whose conditions all hold decides; no conditions match every volume. */
export interface VolumePolicy {
  readonly conditions: VolumeConditions;
  readonly action: VolumeAction;
}

export type VolumeAction = "skip" | "fs-backup" | "snapshot" | "custom";

export interface VolumeConditions {
  /** `low,high`, inclusive; either side may be empty. */
  readonly capacity?: string;
  readonly storageClass?: readonly string[];
  readonly nfs?: { readonly server?: string; readonly path?: string };
  readonly csi?: { readonly driver?: string; readonly volumeAttributes?: Readonly<Record<string, string>> };
  readonly volumeTypes?: readonly string[];
  readonly pvcLabels?: Readonly<Record<string, string>>;
  readonly pvcPhase?: readonly string[];
}

/** What the conditions look at. */
export interface VolumeFacts {
  readonly capacityBytes: number | undefined;
  readonly storageClass: string;
  readonly nfs?: { readonly server: string; readonly path: string };
  readonly csi?: { readonly driver: string; readonly volumeAttributes: Readonly<Record<string, string>> };
  /** The field of the volume source, such as `hostPath`. */
  readonly volumeType: string;
  readonly pvcLabels: Readonly<Record<string, string>>;
  readonly pvcPhase: string;
}

export type ParsedPolicy =
  | { readonly type: "parsed"; readonly policy: ResourcePolicy }
  | { readonly type: "refused"; readonly problem: string };

const TOP_FIELDS = ["version", "volumePolicies", "includeExcludePolicy"];
const CONDITION_FIELDS = ["capacity", "storageClass", "nfs", "csi", "volumeTypes", "pvcLabels", "pvcPhase"];
const ACTIONS: readonly string[] = ["skip", "fs-backup", "snapshot", "custom"];
const LISTS = [
  "includedClusterScopedResources",
  "excludedClusterScopedResources",
  "includedNamespaceScopedResources",
  "excludedNamespaceScopedResources",
] as const;

/** Reads the ConfigMap's `data`: exactly one key, strict YAML, `version: v1`. */
export function parseResourcePolicy(data: Readonly<Record<string, string>>): ParsedPolicy {
  const [text, ...others] = Object.values(data);
  if (text === undefined || others.length > 0)
    return refused("illegal resource policies: the ConfigMap must have exactly one data key");
  const document = parseDocument(text, { uniqueKeys: true });
  const [syntax] = document.errors;
  if (syntax !== undefined) return refused(`failed to decode yaml data into resource policies: ${syntax.message}`);
  try {
    return { type: "parsed", policy: readPolicy(document.toJS({ maxAliasCount: 50 })) };
  } catch (error) {
    if (error instanceof PolicyProblem) return refused(error.message);
    throw error;
  }
}

/** What the policy says of a volume; undefined when no rule matches. */
export function volumeAction(policy: ResourcePolicy, volume: VolumeFacts): VolumeAction | undefined {
  return policy.volumePolicies.find(({ conditions }) => conditionsHold(conditions, volume))?.action;
}

/** Bytes of a Kubernetes quantity (`10Gi`, `500M`, `1e3`), or undefined. */
export function parseQuantity(text: string): number | undefined {
  const [, number, suffix = ""] = /^([0-9.]+(?:[eE][+-]?\d+)?)([KMGTPE]i|[mkMGTPE]?)$/.exec(text.trim()) ?? [];
  if (number === undefined || Number.isNaN(Number(number))) return undefined;
  return Number(number) * (QUANTITY_FACTORS[suffix] ?? 1);
}

const QUANTITY_FACTORS: Readonly<Record<string, number>> = Object.fromEntries([
  ["m", 1e-3],
  ["k", 1e3],
  ...["M", "G", "T", "P", "E"].map((unit, index) => [unit, 1000 ** (index + 2)]),
  ...["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((unit, index) => [unit, 1024 ** (index + 1)]),
]);

function conditionsHold(conditions: VolumeConditions, volume: VolumeFacts): boolean {
  return (
    holds(conditions.capacity, (range) => isInRange(range, volume.capacityBytes)) &&
    holds(conditions.storageClass, (classes) => classes.includes(volume.storageClass)) &&
    holds(conditions.nfs, (nfs) => nfsHolds(nfs, volume.nfs)) &&
    holds(conditions.csi, (csi) => csiHolds(csi, volume.csi)) &&
    holds(conditions.volumeTypes, (types) => types.includes(volume.volumeType)) &&
    holds(conditions.pvcLabels, (labels) => isSubset(labels, volume.pvcLabels)) &&
    holds(conditions.pvcPhase, (phases) => phases.includes(volume.pvcPhase))
  );
}

function holds<T>(condition: T | undefined, test: (condition: T) => boolean): boolean {
  return condition === undefined || test(condition);
}

function nfsHolds(wanted: NonNullable<VolumeConditions["nfs"]>, nfs: VolumeFacts["nfs"]): boolean {
  if (nfs === undefined) return false;
  return holds(wanted.server, (server) => server === nfs.server) && holds(wanted.path, (path) => path === nfs.path);
}

function csiHolds(wanted: NonNullable<VolumeConditions["csi"]>, csi: VolumeFacts["csi"]): boolean {
  if (csi === undefined) return false;
  return (
    holds(wanted.driver, (driver) => driver === csi.driver) &&
    holds(wanted.volumeAttributes, (attributes) => isSubset(attributes, csi.volumeAttributes))
  );
}

function isSubset(part: Readonly<Record<string, string>>, whole: Readonly<Record<string, string>>): boolean {
  return Object.entries(part).every(([key, value]) => Object.hasOwn(whole, key) && whole[key] === value);
}

function isInRange(range: string, bytes: number | undefined): boolean {
  if (bytes === undefined) return false;
  const [low = "", high = ""] = range.split(",").map((side) => side.trim());
  return (
    bytes >= (low === "" ? 0 : (parseQuantity(low) ?? Infinity)) &&
    bytes <= (high === "" ? Infinity : (parseQuantity(high) ?? 0))
  );
}

class PolicyProblem extends Error {}

function refused(problem: string): ParsedPolicy {
  return { type: "refused", problem };
}

function readPolicy(value: unknown): ResourcePolicy {
  const top = asRecord(value, "resource policies");
  onlyFields(top, TOP_FIELDS, "");
  if (top.version !== "v1")
    throw new PolicyProblem(`incompatible version number ${String(top.version)} with supported version v1`);
  const volumePolicies = asList(top.volumePolicies ?? [], "volumePolicies").map(readVolumePolicy);
  if (top.includeExcludePolicy === undefined) return { volumePolicies };
  return {
    volumePolicies,
    includeExcludePolicy: readIncludeExclude(asRecord(top.includeExcludePolicy, "includeExcludePolicy")),
  };
}

function readVolumePolicy(value: unknown, index: number): VolumePolicy {
  const at = `volumePolicies[${index}]`;
  const rule = asRecord(value, at);
  onlyFields(rule, ["conditions", "action"], `${at}.`);
  const action = asRecord(rule.action, `${at}.action`);
  onlyFields(action, ["type", "parameters"], `${at}.action.`);
  if (typeof action.type !== "string" || !ACTIONS.includes(action.type)) {
    throw new PolicyProblem(`invalid action type ${String(action.type)}: use ${ACTIONS.join(", ")}`);
  }
  const conditions = asRecord(rule.conditions ?? {}, `${at}.conditions`);
  onlyFields(conditions, CONDITION_FIELDS, `${at}.conditions.`);
  return { conditions: readConditions(conditions, `${at}.conditions`), action: action.type as VolumeAction };
}

function readConditions(raw: Readonly<Record<string, unknown>>, at: string): VolumeConditions {
  const conditions: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(raw)) {
    if (field === "capacity") conditions[field] = readCapacity(value);
    else if (field === "pvcLabels" || field === "nfs" || field === "csi")
      conditions[field] = asRecord(value ?? {}, `${at}.${field}`);
    else conditions[field] = asList(value, `${at}.${field}`).map(String);
  }
  return conditions;
}

function readCapacity(value: unknown): string {
  const sides = String(value).split(",");
  const isReadable = sides.every((side) => side.trim() === "" || parseQuantity(side) !== undefined);
  if (sides.length !== 2 || !isReadable)
    throw new PolicyProblem(`wrong format of Capacity ${String(value)}: write "low,high"`);
  return String(value);
}

function readIncludeExclude(raw: Readonly<Record<string, unknown>>): IncludeExcludePolicy {
  onlyFields(raw, LISTS, "includeExcludePolicy.");
  const policy: Record<string, readonly string[]> = {};
  for (const field of LISTS) {
    if (raw[field] === undefined) continue;
    const names = asList(raw[field], `includeExcludePolicy.${field}`).map(String);
    if (names.includes("*")) throw new PolicyProblem(`cannot use '*' in ${field} of the includeExcludePolicy`);
    policy[field] = names;
  }
  return policy;
}

function onlyFields(record: Readonly<Record<string, unknown>>, known: readonly string[], at: string): void {
  const unknown = Object.keys(record).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw new PolicyProblem(`failed to decode yaml data into resource policies: unknown field ${at}${unknown}`);
}

function asRecord(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new PolicyProblem(`failed to decode yaml data into resource policies: ${at} must be a map`);
}

function asList(value: unknown, at: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new PolicyProblem(`failed to decode yaml data into resource policies: ${at} must be a list`);
}
