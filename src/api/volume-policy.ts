/** Velero's volume policies: conditions on a volume and its claim, and what becomes of its data. */
import { asList, asRecord, asText, asTextMap, asTexts, onlyFields, PolicyProblem } from "./policy-fields.ts";

/** The first policy whose conditions all hold decides; no conditions match every volume. */
export interface VolumePolicy {
  readonly conditions: VolumeConditions;
  readonly action: VolumeAction;
}

export type VolumeAction = "skip" | "fs-backup" | "snapshot" | "custom";

/** True for an action that Holdfast refuses: it copies no volume data. */
export function isDataDemand(action: VolumeAction): boolean {
  return action === "snapshot" || action === "fs-backup";
}

/** A condition that is absent or empty holds for every volume, but `nfs: {}` and `csi: {}`: any volume of that kind. */
export interface VolumeConditions {
  /** `low,high`, inclusive; either side may be empty. */
  readonly capacity?: string;
  readonly storageClass?: readonly string[];
  readonly nfs?: { readonly server?: string; readonly path?: string };
  readonly csi?: { readonly driver?: string; readonly volumeAttributes?: Readonly<Record<string, string>> };
  readonly volumeTypes?: readonly string[];
  /** The claim carries all of them. */
  readonly pvcLabels?: Readonly<Record<string, string>>;
  /** The claim is in one of them. */
  readonly pvcPhase?: readonly string[];
  readonly pvcVolumeMode?: string;
  /** The claim has exactly these, in any order. */
  readonly pvcAccessModes?: readonly string[];
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
  readonly pvcVolumeMode: string;
  readonly pvcAccessModes: readonly string[];
}

const ACTIONS: readonly string[] = ["skip", "fs-backup", "snapshot", "custom"];

/** What the policies say of a volume; undefined when none matches. */
export function volumeAction(policies: readonly VolumePolicy[], volume: VolumeFacts): VolumeAction | undefined {
  return policies.find(({ conditions }) => conditionsHold(conditions, volume))?.action;
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

/** Reads one entry of `volumePolicies`. @throws {PolicyProblem} */
export function readVolumePolicy(value: unknown, index: number): VolumePolicy {
  const at = `volumePolicies[${index}]`;
  const rule = asRecord(value, at);
  onlyFields(rule, ["conditions", "action"], `${at}.`);
  const action = asRecord(rule.action, `${at}.action`);
  onlyFields(action, ["type", "parameters"], `${at}.action.`);
  if (typeof action.type !== "string" || !ACTIONS.includes(action.type)) {
    throw new PolicyProblem(
      `invalid action type ${asText(action.type, `${at}.action.type`)} of ${at}: use ${ACTIONS.join(", ")}`,
    );
  }
  return {
    conditions: readConditions(asRecord(rule.conditions, `${at}.conditions`), `${at}.conditions`),
    action: action.type as VolumeAction,
  };
}

type ReadCondition = (value: unknown, at: string) => unknown;

const READ_CONDITION: Readonly<Record<keyof VolumeConditions, ReadCondition>> = {
  capacity: readCapacity,
  storageClass: asTexts,
  nfs: readNfs,
  csi: readCsi,
  volumeTypes: asTexts,
  pvcLabels: (value, at) => asTextMap(given(value, at), at),
  pvcPhase: asTexts,
  pvcVolumeMode: onlyText,
  pvcAccessModes: (value, at) => asList(given(value, at), at).map((mode, index) => onlyText(mode, `${at}[${index}]`)),
};

/** The names of all conditions. */
export const VOLUME_CONDITIONS: readonly string[] = Object.keys(READ_CONDITION);

function readConditions(raw: Readonly<Record<string, unknown>>, at: string): VolumeConditions {
  onlyFields(raw, VOLUME_CONDITIONS, `${at}.`);
  const written = Object.entries(raw).filter(([field, value]) => value !== null || NEVER_EMPTY.has(field));
  return Object.fromEntries(
    written.map(([field, value]) => [field, READ_CONDITION[field as keyof VolumeConditions](value, `${at}.${field}`)]),
  );
}

/** Written without a value, these are refused: a rule would match more than was meant. */
const NEVER_EMPTY: ReadonlySet<string> = new Set(["pvcLabels", "pvcVolumeMode", "pvcAccessModes"]);

/** Velero takes nothing else here for a text, where it does elsewhere. */
function onlyText(value: unknown, at: string): string {
  given(value, at);
  if (typeof value === "string") return value;
  throw new PolicyProblem(`${at} must be a string, got ${JSON.stringify(value)}: put it in quotes`);
}

function given(value: unknown, at: string): unknown {
  if (value === null) throw new PolicyProblem(`${at} has no value: write one, or take it out`);
  return value;
}

function readCapacity(value: unknown, at: string): string {
  const text = asText(value, at);
  const sides = text.split(",");
  const isReadable = sides.every((side) => side.trim() === "" || parseQuantity(side) !== undefined);
  if (sides.length !== 2 || !isReadable)
    throw new PolicyProblem(`wrong format of Capacity ${text} in ${at}: write "low,high"`);
  const [low, high] = boundsOf(text);
  if (low > high) throw new PolicyProblem(`illegal values for capacity ${text} in ${at}: the first is the lower one`);
  return text;
}

function readNfs(value: unknown, at: string): VolumeConditions["nfs"] {
  const nfs = asRecord(value, at);
  onlyFields(nfs, ["server", "path"], `${at}.`);
  return asTextMap(nfs, at);
}

function readCsi(value: unknown, at: string): VolumeConditions["csi"] {
  const csi = asRecord(value, at);
  onlyFields(csi, ["driver", "volumeAttributes"], `${at}.`);
  const driver = asText(csi.driver, `${at}.driver`);
  const volumeAttributes = asTextMap(csi.volumeAttributes, `${at}.volumeAttributes`);
  if (driver === "" && csi.volumeAttributes !== undefined) {
    throw new PolicyProblem(
      `csi driver should not be empty when filtering by volume attributes: name it in ${at}.driver`,
    );
  }
  return { driver, volumeAttributes };
}

function conditionsHold(conditions: VolumeConditions, volume: VolumeFacts): boolean {
  return (
    holds(conditions.capacity, (range) => isInRange(range, volume.capacityBytes)) &&
    holds(conditions.storageClass, (classes) => classes.includes(volume.storageClass)) &&
    holds(conditions.nfs, (nfs) => nfsHolds(nfs, volume.nfs)) &&
    holds(conditions.csi, (csi) => csiHolds(csi, volume.csi)) &&
    holds(conditions.volumeTypes, (types) => types.includes(volume.volumeType)) &&
    holds(conditions.pvcLabels, (labels) => isSubset(labels, volume.pvcLabels)) &&
    holds(conditions.pvcPhase, (phases) => phases.includes(volume.pvcPhase)) &&
    holds(conditions.pvcVolumeMode, (mode) => mode === volume.pvcVolumeMode) &&
    holds(conditions.pvcAccessModes, (modes) => areSame(modes, volume.pvcAccessModes))
  );
}

function holds<T extends object | string>(condition: T | undefined, test: (condition: T) => boolean): boolean {
  const isOpen = condition === undefined || condition === "" || (Array.isArray(condition) && condition.length === 0);
  return isOpen || test(condition);
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

function areSame(some: readonly string[], others: readonly string[]): boolean {
  const [a, b] = [new Set(some), new Set(others)];
  return some.length === others.length && a.size === b.size && [...a].every((each) => b.has(each));
}

function isInRange(range: string, bytes: number | undefined): boolean {
  if (bytes === undefined) return false;
  const [low, high] = boundsOf(range);
  return bytes >= low && bytes <= high;
}

/** An upper bound of nothing is none, as in Velero. */
function boundsOf(range: string): [low: number, high: number] {
  const [low = 0, high = 0] = range.split(",").map((side) => parseQuantity(side) ?? 0);
  return [low, high === 0 ? Infinity : high];
}
