import { GIT_SOURCE_ANNOTATION, REVISION_ANNOTATION } from "../api/annotations.ts";
import { jsonDigest } from "../api/digest.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { compare, type GuardedPatch, guardedPatch } from "../api/patch.ts";
import { type DeletionLimits, judgeDeletions } from "./deletion-plan.ts";

/** One document of ours at a commit; its namespace is filled in. */
export interface DesiredDocument {
  readonly object: KubeObject;
  readonly file: string;
  readonly line: number;
}

/** What is to happen to one object. */
export type SyncAction =
  | { readonly type: "create"; readonly document: DesiredDocument; readonly object: KubeObject }
  | {
      readonly type: "patch";
      readonly document: DesiredDocument;
      readonly live: KubeObject;
      readonly patch: GuardedPatch;
    }
  | { readonly type: "conflict"; readonly document: DesiredDocument; readonly owner: string }
  | { readonly type: "prune"; readonly live: KubeObject };

export interface SyncPlan {
  readonly actions: readonly SyncAction[];
  /** Documents that stand in the cluster as Git has them. */
  readonly unchanged: number;
  /** Deletions that are not made, and why; undefined when nothing is held back. */
  readonly held: HeldDeletions | undefined;
}

export interface HeldDeletions {
  /** What `holdfast.dev/allow-deletions` must say to allow exactly these. */
  readonly digest: string;
  readonly objects: readonly string[];
  readonly why: string;
}

export interface SyncInput {
  /** `namespace/name` of the source. */
  readonly source: string;
  /** The commit the documents stand at. */
  readonly revision: string;
  readonly desired: readonly DesiredDocument[];
  /** Documents of the last commit that was wholly applied; undefined when that is not known: then nothing is pruned. */
  readonly previous: readonly DesiredDocument[] | undefined;
  readonly live: (kind: string, key: ObjectKey) => KubeObject | undefined;
  /** Which other source declares an object at its head. */
  readonly declaredBy: (kind: string, key: ObjectKey) => string | undefined;
  readonly prune: boolean;
  /** Why nothing is pruned this time (a bad file, a changed source); undefined when pruning may go on. */
  readonly pruneBlocked?: string | undefined;
  readonly deletions: DeletionLimits;
}

/**
 * Decides what makes the cluster what Git says. Pure. `spec` is compared whole; of labels and annotations only those
 * that the document names, or named at the last applied commit. An object that is equal is not written.
 */
export function planSync(input: SyncInput): SyncPlan {
  const previous = new Map(input.previous?.map((document) => [idOf(document.object), document]));
  const actions: SyncAction[] = [];
  let unchanged = 0;
  for (const document of input.desired) {
    const action = planDocument(input, document, previous.get(idOf(document.object)));
    if (action === undefined) unchanged++;
    else actions.push(action);
  }
  const { prunes, held } = planPrunes(input, previous);
  return { actions: [...actions, ...prunes], unchanged, held };
}

/** `Backup ns/name`: names one object in messages and in the digest of a held deletion. */
export function idOf(object: KubeObject): string {
  return `${object.kind} ${formatKey(keyOf(object))}`;
}

/** SHA-256 of a document's spec as written: what provenance is proved by. */
export function specDigest(object: KubeObject): string {
  return jsonDigest(object.spec ?? null);
}

function planDocument(
  input: SyncInput,
  document: DesiredDocument,
  before: DesiredDocument | undefined,
): SyncAction | undefined {
  const { object } = document;
  const owner = input.declaredBy(object.kind, keyOf(object));
  const live = input.live(object.kind, keyOf(object));
  if (live === undefined) {
    if (owner !== undefined) return { type: "conflict", document, owner };
    return { type: "create", document, object: withProvenance(object, input) };
  }
  const holder = live.metadata.annotations?.[GIT_SOURCE_ANNOTATION];
  if (owner !== undefined && holder !== input.source) return { type: "conflict", document, owner };
  const merged = mergeDesired(live, object, before?.object);
  if (compare(live, merged).length === 0) return undefined;
  const patch = guardedPatch(live, withProvenance(merged, input));
  return patch === undefined ? undefined : { type: "patch", document, live, patch };
}

/** The live object with the document's spec, its labels and its annotations, less those it named before. */
function mergeDesired(live: KubeObject, desired: KubeObject, before: KubeObject | undefined): KubeObject {
  const metadata = { ...live.metadata };
  for (const field of ["labels", "annotations"] as const) {
    const merged = mergeNames(live.metadata[field], desired.metadata[field], before?.metadata[field]);
    if (merged === undefined) delete metadata[field];
    else metadata[field] = merged;
  }
  return { ...live, metadata, spec: desired.spec };
}

type Names = Record<string, string>;

function mergeNames(live: Names | undefined, desired: Names | undefined, before: Names | undefined): Names | undefined {
  const merged = new Map(Object.entries(live ?? {}));
  for (const name of Object.keys(before ?? {})) merged.delete(name);
  for (const [name, value] of Object.entries(desired ?? {})) merged.set(name, value);
  return live === undefined && merged.size === 0 ? undefined : Object.fromEntries(merged);
}

function withProvenance(object: KubeObject, { source, revision }: SyncInput): KubeObject {
  const annotations = {
    ...object.metadata.annotations,
    [GIT_SOURCE_ANNOTATION]: source,
    [REVISION_ANNOTATION]: revision,
  };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function planPrunes(
  input: SyncInput,
  previous: ReadonlyMap<string, DesiredDocument>,
): { readonly prunes: readonly SyncAction[]; readonly held: HeldDeletions | undefined } {
  if (!input.prune) return { prunes: [], held: undefined };
  const desired = new Set(input.desired.map(({ object }) => idOf(object)));
  const gone = [...previous.entries()]
    .filter(([id]) => !desired.has(id))
    .map(([, { object }]) => ({ object, live: input.live(object.kind, keyOf(object)) }))
    .filter(({ object, live }) => live !== undefined && isProven(input, object, live))
    .flatMap(({ live }) => (live === undefined ? [] : [live]));
  if (gone.length === 0) return { prunes: [], held: undefined };
  const verdict = judgeDeletions(
    gone.map((live) => ({ id: idOf(live), kind: live.kind, uid: live.metadata.uid ?? "" })),
    [...desired].map((id) => id.slice(0, id.indexOf(" "))),
    input.deletions,
  );
  const why = input.pruneBlocked ?? (verdict.type === "held" ? verdict.why : undefined);
  if (why !== undefined) return { prunes: [], held: { digest: verdict.digest, objects: gone.map(idOf), why } };
  return { prunes: gone.map((live) => ({ type: "prune", live })), held: undefined };
}

/** The live object is what this source declared: the same spec, in nobody else's tree, and no run of it is under way. */
function isProven(input: SyncInput, declared: KubeObject, live: KubeObject): boolean {
  if (input.declaredBy(live.kind, keyOf(live)) !== undefined) return false;
  const phase = (live.status as { phase?: string } | undefined)?.phase;
  return specDigest(declared) === specDigest(live) && phase !== "InProgress";
}
