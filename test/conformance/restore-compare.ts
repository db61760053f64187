/** Compares what a restore left and said with what Velero left and said, difference by difference. */
import { canonicalJson } from "../../src/api/json.ts";
import type { KubeObject } from "../../src/api/object.ts";
import type { ObjectRecord, RestoreOutcome } from "../../src/restore/types.ts";
import type { LiveObject } from "./restore-dump.ts";
import type { RecordedRestore, RecordedResult } from "./restore-scenario.ts";

/** A warning or error that only one side has. `name` is that of the object it is about; "" where it names none. */
export interface MessageDifference {
  readonly type: "message";
  readonly level: "warning" | "error";
  /** `velero`, `cluster` or a namespace. */
  readonly place: string;
  readonly name: string;
  readonly side: "recorded" | "ours";
  readonly text: string;
}

/** One thing that is not as recorded. */
export type Difference =
  | { readonly type: "phase"; readonly recorded: string; readonly ours: string; readonly why?: string | undefined }
  | OutcomeDifference
  | MessageDifference
  | { readonly type: "missing"; readonly object: string }
  | { readonly type: "extra"; readonly object: string }
  | FieldDifference;

/** What Velero's resource list says of an object, and what ours says. */
export interface OutcomeDifference {
  readonly type: "outcome";
  readonly object: string;
  readonly recorded: string | undefined;
  readonly ours: string | undefined;
}

/** A field of an object after the restore. */
export interface FieldDifference {
  readonly type: "field";
  readonly object: string;
  readonly path: string;
  readonly recorded: unknown;
  readonly ours: unknown;
}

/** What a rule may look at besides the difference itself. */
export interface Comparison {
  readonly outcome: RestoreOutcome;
  /** Our record of each object, by `apiVersion/Kind namespace/name`. */
  readonly records: ReadonlyMap<string, ObjectRecord>;
  /** Archived objects by `Kind namespace/name`. */
  readonly archived: ReadonlyMap<string, KubeObject>;
  readonly recorded: RecordedRestore;
  readonly live: ReadonlyMap<string, KubeObject>;
}

/** `Kind namespace/name`. */
export function nameOfObject({ kind, metadata }: KubeObject): string {
  return metadata.namespace === undefined || metadata.namespace === ""
    ? `${kind} ${metadata.name}`
    : `${kind} ${metadata.namespace}/${metadata.name}`;
}

/** Phase, outcome of each object, and how many warnings and errors stand at each place. */
export function compareResults(
  recorded: RecordedRestore,
  outcome: RestoreOutcome,
  list: Readonly<Record<string, readonly string[]>>,
): Difference[] {
  const differences: Difference[] = [];
  const { resourceList = {}, results = {} } = recorded.results;
  // Velero's CRD refuses some specs that its server never sees; our schema and our validation refuse them alike.
  const phase = recorded.results.phase === "RejectedByApiServer" ? "FailedValidation" : (recorded.results.phase ?? "");
  if (phase !== outcome.phase) {
    const why = outcome.failureReason ?? outcome.validationErrors?.join("; ");
    differences.push({ type: "phase", recorded: phase, ours: outcome.phase, why });
  }
  const ours = outcomes(list);
  const theirs = namedAs(outcomes(resourceList), ours);
  for (const object of new Set([...theirs.keys(), ...ours.keys()])) {
    if (isRacing(object) || theirs.get(object) === ours.get(object)) continue;
    differences.push({ type: "outcome", object, recorded: theirs.get(object), ours: ours.get(object) });
  }
  differences.push(...compareMessages("warning", results.warnings ?? {}, outcome.results.warnings));
  differences.push(...compareMessages("error", results.errors ?? {}, outcome.results.errors));
  return differences;
}

function outcomes(list: Readonly<Record<string, readonly string[]>>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [kind, entries] of Object.entries(list)) {
    for (const entry of entries) {
      const [, name = "", outcome = ""] = /^(.*)\((\w+)\)$/.exec(entry) ?? [];
      found.set(`${kind.split("/").at(-1)} ${name}`, outcome);
    }
  }
  return found;
}

/** Names that hold an assigned uid were recorded with a placeholder: they are given the name they have here. */
function namedAs(recorded: ReadonlyMap<string, string>, ours: ReadonlyMap<string, string>): Map<string, string> {
  const free = new Set([...ours.keys()].filter((name) => !recorded.has(name)));
  const named = new Map<string, string>();
  for (const [name, outcome] of recorded) {
    const own = name.includes("<") ? [...free].find((candidate) => matchesText(name, candidate)) : undefined;
    if (own !== undefined) free.delete(own);
    named.set(own ?? name, outcome);
  }
  return named;
}

/**
 * Not deterministic in Velero or Kubernetes, as the recordings' README says; the ServiceAccount `default` is made by a
 * controller at the same moment as `kube-root-ca.crt`.
 */
function isRacing(object: string): boolean {
  return /^(?:(?:ConfigMap|configmaps) [^/]+\/kube-root-ca\.crt|EndpointSlice .*|Endpoints .*|endpoints .*|endpointslices\S* .*|EndpointSlice\S* .*|ServiceAccount [^/]+\/default)$/.test(
    object,
  );
}

interface Message {
  readonly place: string;
  readonly name: string;
  readonly text: string;
}

function compareMessages(level: "warning" | "error", recorded: RecordedResult, ours: RecordedResult): Difference[] {
  const own = messagesOf(ours);
  const take = (message: Message, matches: (ours: Message) => boolean): boolean => {
    const index = own.findIndex((each) => each.place === message.place && matches(each));
    if (index >= 0) own.splice(index, 1);
    return index >= 0;
  };
  // Those that name the same object first: a message that names none may stand for any of the others.
  const unmatched = messagesOf(recorded)
    .filter((message) => !take(message, ({ name }) => matchesText(message.name, name)))
    .filter((message) => !take(message, ({ name }) => name === "" || message.name === ""));
  return [
    ...unmatched.map((message): Difference => ({ type: "message", level, side: "recorded", ...message })),
    ...own.map((message): Difference => ({ type: "message", level, side: "ours", ...message })),
  ];
}

function messagesOf(result: RecordedResult): Message[] {
  const places = { velero: result.velero, cluster: result.cluster, ...result.namespaces };
  return Object.entries(places).flatMap(([place, texts = []]) =>
    texts
      .filter((text) => !isRacing(subjectOf(text).racing))
      .map((text) => ({ place, name: subjectOf(text).name, text })),
  );
}

const SUBJECTS: readonly RegExp[] = [
  /could not restore, (?<kind>[A-Za-z]+):(?<name>\S+) already exists/,
  /could not restore, (?<kind>[A-Za-z]+) "(?<name>[^"]+)" already exists/,
  /error (?:restoring|preparing) (?<kind>[^/ ]+)\/(?:[^/ ]+\/)?(?<name>[^/: ]+):/,
  /<extract-dir>\/resources\/(?<kind>[^/]+)\/(?:cluster|namespaces\/[^/]+)\/(?<name>[^/]+)\.json/,
  /(?<kind>[A-Za-z.0-9-]+) "(?<name>[^"]+)" (?:is invalid|is forbidden|not found)/,
  /^(?<kind>[a-z.0-9]+) (?:[^ /]+\/)?(?<name>[^ /,]+), which /,
  /^hook (?<name>\S+) /,
];

/** What a message is about, as far as its text says. */
function subjectOf(text: string): { name: string; racing: string } {
  for (const pattern of SUBJECTS) {
    const groups = pattern.exec(text)?.groups;
    if (groups?.name !== undefined) return { name: groups.name, racing: `${groups.kind ?? ""} x/${groups.name}` };
  }
  return { name: "", racing: "" };
}

/** The objects of the dump against those of the cluster. */
export function compareDump(recorded: readonly KubeObject[], live: Iterable<LiveObject>): Difference[] {
  const ours = new Map<string, KubeObject>();
  for (const { object } of live)
    if (!/^(?:Endpoints|EndpointSlice)$/.test(object.kind)) ours.set(nameOfObject(object), object);
  const differences: Difference[] = [];
  const theirs = recorded.filter((object) => !/^(?:Endpoints|EndpointSlice)$/.test(object.kind));
  const generated = theirs.filter((object) => isGenerated(object.metadata.name));
  for (const object of theirs) {
    if (isGenerated(object.metadata.name)) continue;
    const name = nameOfObject(object);
    const own = ours.get(name);
    ours.delete(name);
    if (own === undefined) differences.push({ type: "missing", object: name });
    else if (isClaimBoundSince(object, own)) ours.delete(`PersistentVolume ${volumeOf(own)}`);
    else differences.push(...compareObject(name, object, own));
  }
  for (const object of generated) {
    const name = nameOfObject(object);
    const match = [...ours].find(([candidate]) => matchesText(name, candidate));
    if (match === undefined) differences.push({ type: "missing", object: name });
    else ours.delete(match[0]);
  }
  for (const name of ours.keys()) differences.push({ type: "extra", object: name });
  return differences;
}

function isGenerated(name: string): boolean {
  return name.includes("<");
}

/** The provisioner works at its own pace: a claim that was still waiting when the dump was taken may be bound here. */
function isClaimBoundSince(recorded: KubeObject, live: KubeObject): boolean {
  if (recorded.kind !== "PersistentVolumeClaim") return false;
  const [before, now] = [recorded.status, live.status] as ({ phase?: string } | undefined)[];
  return (
    before?.phase === "Pending" &&
    volumeOf(recorded) === "" &&
    now?.phase === "Bound" &&
    volumeOf(live).startsWith("pvc-")
  );
}

function volumeOf({ spec }: KubeObject): string {
  return (spec as { volumeName?: string } | undefined)?.volumeName ?? "";
}

const DROPPED_METADATA = new Set([
  "uid",
  "resourceVersion",
  "creationTimestamp",
  "generation",
  "managedFields",
  "selfLink",
]);

function compareObject(name: string, recorded: KubeObject, live: KubeObject): Difference[] {
  const { status: theirs, ...recordedRest } = recorded;
  const { status: ours, ...liveRest } = live;
  const metadata = Object.fromEntries(Object.entries(live.metadata).filter(([field]) => !DROPPED_METADATA.has(field)));
  const differences: Difference[] = [];
  const own: Record<string, unknown> = { ...liveRest, metadata };
  if (live.type === "kubernetes.io/service-account-token") own.data = tokenData(recorded.data, live.data);
  compareValue(name, "", recordedRest, own, differences);
  if (isRecord(theirs) && isRecord(ours)) compareStatus(name, theirs, ours, differences);
  else if (isRecord(theirs) && Object.keys(theirs).length > 0)
    differences.push({ type: "field", object: name, path: "/status", recorded: theirs, ours });
  return differences;
}

/** Whether a cluster adds its certificate to a token is a flag of its controller manager, not of a restore. */
function tokenData(recorded: unknown, live: unknown): unknown {
  if (!isRecord(live) || (isRecord(recorded) && "ca.crt" in recorded)) return live;
  const { "ca.crt": _certificate, ...rest } = live;
  return rest;
}

/** Dumps of built-in kinds hold only some fields of the status. */
function compareStatus(
  name: string,
  recorded: Record<string, unknown>,
  ours: Record<string, unknown>,
  differences: Difference[],
): void {
  for (const [field, value] of Object.entries(recorded))
    if (field !== "established") compareValue(name, `/status/${field}`, value, ours[field], differences);
}

function compareValue(object: string, path: string, recorded: unknown, ours: unknown, differences: Difference[]): void {
  if (typeof recorded === "string" && typeof ours === "string" && matchesText(recorded, ours)) return;
  if (
    typeof recorded === "string" &&
    /^<(?:nodePort|healthCheckNodePort|resourceVersion)>$/.test(recorded) &&
    ours !== undefined
  )
    return;
  if (isTime(recorded) && isTime(ours)) return;
  if (Array.isArray(recorded) && Array.isArray(ours) && recorded.length === ours.length) {
    recorded.forEach((item, index) => {
      compareValue(object, `${path}/${index}`, item, ours[index], differences);
    });
    return;
  }
  if (isRecord(recorded) && isRecord(ours)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(ours)]))
      compareValue(object, `${path}/${key}`, recorded[key], ours[key], differences);
    return;
  }
  if (canonical(recorded) !== canonical(ours)) differences.push({ type: "field", object, path, recorded, ours });
}

/** A recording keeps the times that its own archive holds; here the same thing happened at another time. */
function isTime(value: unknown): boolean {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value);
}

/** A recorded text with placeholders in angle brackets. */
export function matchesText(recorded: string, ours: string): boolean {
  if (recorded === ours) return true;
  if (!/<[^<>]*>/.test(recorded)) return false;
  const pattern = recorded
    .split(/<[^<>]*>/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[\\s\\S]*");
  return new RegExp(`^${pattern}$`).test(ours);
}

function canonical(value: unknown): string {
  return value === undefined ? "undefined" : canonicalJson(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One line for a report. */
export function describeDifference(difference: Difference): string {
  switch (difference.type) {
    case "phase":
      return `phase: recorded ${difference.recorded}, ours ${difference.ours} ${difference.why ?? ""}`.trimEnd();
    case "outcome":
      return `${difference.object}: recorded ${difference.recorded ?? "not listed"}, ours ${difference.ours ?? "not listed"}`;
    case "message":
      return `${difference.level} at ${difference.place}, ${difference.side} only: ${difference.text.slice(0, 240)}`;
    case "missing":
      return `${difference.object}: missing after the restore`;
    case "extra":
      return `${difference.object}: there after the restore, and not recorded`;
    case "field":
      return `${difference.object} ${difference.path}: recorded ${canonical(difference.recorded).slice(0, 200)}, ours ${canonical(difference.ours).slice(0, 200)}`;
  }
}
