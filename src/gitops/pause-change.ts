/** How each kind of owner is held still, as a patch with its way back. Pure. */
import type { KubeObject } from "../api/object.ts";
import { compare, type PatchOperation, testResourceVersion } from "../api/patch.ts";
import { type OwnerKind, ownerKindOf, recordOf } from "./owner.ts";

/** On an owner that a restore has paused: who did it, and what stood there before. */
export const PAUSED_ANNOTATION = "holdfast.dev/paused";
const SKIP_ANNOTATION = "argocd.argoproj.io/skip-reconcile";
const REQUESTED_ANNOTATION = "reconcile.fluxcd.io/requestedAt";

/** Whose pause it is; kept on the owner itself, so that anybody can end it. */
export interface PauseHolder {
  /** The run of the restore. */
  readonly run: string;
  /** `namespace/name` of the RestorePlan. */
  readonly plan: string;
  /** Name of the installation. */
  readonly cluster: string;
  /** RFC 3339, UTC. */
  readonly since: string;
  /** The pause may be ended by anybody from then on; moved on while the run lives. */
  readonly deadline: string;
}

/** What the annotation holds. */
export interface PauseRecord extends PauseHolder {
  /** What stood in the field that pauses; absent: the field was not there. */
  readonly prior?: unknown;
}

/** The field that pauses, as people read it. */
export function pauseText(kind: OwnerKind): string {
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return "spec.suspend: true";
    case "Application":
      return `annotation ${SKIP_ANNOTATION}: "true"`;
    case "ApplicationSet":
      return `spec.preservedFields.annotations: ${SKIP_ANNOTATION}`;
  }
}

/** RFC 6901 pointer of the field that pauses. */
export function pausePointer(kind: OwnerKind): string {
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return "/spec/suspend";
    case "Application":
      return `/metadata/annotations/${SKIP_ANNOTATION.replace("/", "~1")}`;
    case "ApplicationSet":
      return "/spec/preservedFields/annotations";
  }
}

/** Whether the owner stands still now, whoever did it. */
export function isPaused(kind: OwnerKind, object: KubeObject): boolean {
  const value = pauseValue(kind, object);
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return value === true;
    case "Application":
      return /^(?:1|t|true)$/i.test(String(value ?? ""));
    case "ApplicationSet":
      return Array.isArray(value) && value.includes(SKIP_ANNOTATION) && value.includes(PAUSED_ANNOTATION);
  }
}

/** The annotation of a paused owner; undefined where there is none that can be read. */
export function pauseRecordOf({ metadata }: Pick<KubeObject, "metadata">): PauseRecord | undefined {
  try {
    const record = JSON.parse(metadata.annotations?.[PAUSED_ANNOTATION] ?? "") as Partial<PauseRecord> | null;
    return typeof record?.run === "string" && typeof record.deadline === "string" ? (record as PauseRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** What stands in the field that pauses. */
export function priorOf(kind: OwnerKind, object: KubeObject): { readonly prior?: unknown } {
  const prior = pauseValue(kind, object);
  return prior === undefined ? {} : { prior };
}

/** One patch that writes down who pauses and what stood there, and pauses. It fails where the owner changed since. */
export function pausePatch(kind: OwnerKind, object: KubeObject, holder: PauseHolder): readonly PatchOperation[] {
  const record: PauseRecord = { ...holder, ...priorOf(kind, object) };
  return guardedChange(object, withPause(kind, object, record));
}

/** The owner with a record and the pause it speaks of. */
function withPause(kind: OwnerKind, object: KubeObject, record: PauseRecord): KubeObject {
  const noted = withAnnotation(object, PAUSED_ANNOTATION, JSON.stringify(record));
  return withValue(kind, noted, pausedValue(kind, record.prior));
}

/** The patch that moves the deadline on; undefined where the owner is not, or no more, paused by this run. */
export function renewPatch(object: KubeObject, run: string, deadline: string): readonly PatchOperation[] | undefined {
  const record = pauseRecordOf(object);
  if (record?.run !== run) return undefined;
  return guardedChange(object, withAnnotation(object, PAUSED_ANNOTATION, JSON.stringify({ ...record, deadline })));
}

/** The patch that ends a pause; a field that somebody set anew since stays as it is. Flux is told to look at once. */
export function resumePatch(kind: OwnerKind, object: KubeObject, now: string): readonly PatchOperation[] {
  const resumed = withoutPause(object);
  const isFlux = kind === "Kustomization" || kind === "HelmRelease";
  const asked = isFlux && !isPaused(kind, resumed) ? withAnnotation(resumed, REQUESTED_ANNOTATION, now) : resumed;
  return guardedChange(object, asked);
}

/** An owner as it would stand without our pause; every other object as it is. */
export function withoutPause(object: KubeObject): KubeObject {
  const kind = ownerKindOf(object);
  const annotation = object.metadata.annotations?.[PAUSED_ANNOTATION];
  if (kind === undefined || annotation === undefined) return object;
  const record = pauseRecordOf(object);
  const bare = withAnnotation(object, PAUSED_ANNOTATION, undefined);
  if (record === undefined || compare([pauseValue(kind, object)], [pausedValue(kind, record.prior)]).length > 0)
    return bare;
  return withValue(kind, bare, record.prior);
}

/**
 * An archived owner as a restore may write it: without the pause of the run that stood when it was archived, and with
 * the one that stands in the cluster now, or the restore would let go of what it holds.
 */
export function keepingPause(archived: KubeObject, live: KubeObject | undefined): KubeObject {
  const kind = ownerKindOf(archived);
  if (kind === undefined) return archived;
  const bare = withoutPause(archived);
  const record = live === undefined ? undefined : pauseRecordOf(live);
  return record === undefined ? bare : withPause(kind, bare, record);
}

function guardedChange(object: KubeObject, changed: KubeObject): readonly PatchOperation[] {
  return [testResourceVersion(object), ...compare(object, changed)];
}

function pausedValue(kind: OwnerKind, prior: unknown): unknown {
  if (kind === "Kustomization" || kind === "HelmRelease") return true;
  if (kind === "Application") return "true";
  const kept = Array.isArray(prior) ? prior : [];
  return [...new Set([...kept, SKIP_ANNOTATION, PAUSED_ANNOTATION])];
}

function pauseValue(kind: OwnerKind, { metadata, spec }: KubeObject): unknown {
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return recordOf(spec).suspend;
    case "Application":
      return metadata.annotations?.[SKIP_ANNOTATION];
    case "ApplicationSet":
      return recordOf(recordOf(spec).preservedFields).annotations;
  }
}

function withValue(kind: OwnerKind, object: KubeObject, value: unknown): KubeObject {
  switch (kind) {
    case "Kustomization":
    case "HelmRelease":
      return { ...object, spec: withField(object.spec, "suspend", value) };
    case "Application":
      return withAnnotation(object, SKIP_ANNOTATION, value as string | undefined);
    case "ApplicationSet": {
      const preserved = withField(recordOf(object.spec).preservedFields, "annotations", value);
      const isEmpty = value === undefined && Object.keys(preserved).length === 0;
      return { ...object, spec: withField(object.spec, "preservedFields", isEmpty ? undefined : preserved) };
    }
  }
}

/** An empty map of annotations goes with its last one: the API server shows none either. */
function withAnnotation(object: KubeObject, name: string, value: string | undefined): KubeObject {
  const annotations = withField(object.metadata.annotations, name, value) as Record<string, string>;
  const { annotations: _before, ...metadata } = object.metadata;
  const isEmpty = Object.keys(annotations).length === 0;
  return { ...object, metadata: isEmpty ? metadata : { ...metadata, annotations } };
}

function withField(object: unknown, name: string, value: unknown): Record<string, unknown> {
  const { [name]: _before, ...rest } = recordOf(object);
  return value === undefined ? rest : { ...rest, [name]: value };
}
