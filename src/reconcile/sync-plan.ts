import { GIT_SOURCE_ANNOTATION, REVISION_ANNOTATION } from "../api/annotations.ts";
import { jsonDigest } from "../api/digest.ts";
import { formatKey, type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { compare, type GuardedPatch, guardedPatch } from "../api/patch.ts";
import type { Declared, DeclaredObjects } from "../report/source-record.ts";
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
  /** A Backup whose name stands in the cluster for the backup of another one. */
  | { readonly type: "taken"; readonly document: DesiredDocument; readonly cluster: string }
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
  /** The name of this installation. */
  readonly cluster: string;
  /** The commit the documents stand at. */
  readonly revision: string;
  readonly desired: readonly DesiredDocument[];
  /** What the last commit that was wholly applied declared; undefined when that is not known: then nothing is pruned. */
  readonly previous: DeclaredObjects | undefined;
  readonly live: (kind: string, key: ObjectKey) => KubeObject | undefined;
  /** Which other source declares an object at its head. */
  readonly declaredBy: (kind: string, key: ObjectKey) => string | undefined;
  readonly prune: boolean;
  /** Nothing is pruned this time: a file is bad, or url, ref or path changed. What is left over then stays. */
  readonly isPruneBlocked: boolean;
  readonly deletions: DeletionLimits;
}

/**
 * Decides what makes the cluster what Git says. Pure. `spec` is compared whole; of labels and annotations only those
 * that the document names, or named at the last applied commit. An object that is equal is not written.
 */
export function planSync(input: SyncInput): SyncPlan {
  const previous = new Map(Object.entries(input.previous ?? {}));
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

/** What the next look compares with, once these documents are applied. */
export function declaredObjects(documents: readonly DesiredDocument[]): DeclaredObjects {
  return Object.fromEntries(
    documents.map(({ object }) => [
      idOf(object),
      {
        spec: specDigest(object),
        ...(object.metadata.labels === undefined ? {} : { labels: Object.keys(object.metadata.labels).sort() }),
        ...(object.metadata.annotations === undefined
          ? {}
          : { annotations: Object.keys(object.metadata.annotations).sort() }),
      },
    ]),
  );
}

/** SHA-256 of a document's spec as written: what provenance is proved by. */
export function specDigest(object: KubeObject): string {
  return jsonDigest(object.spec ?? null);
}

function planDocument(
  input: SyncInput,
  document: DesiredDocument,
  before: Declared | undefined,
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
  const madeIn = object.kind === "Backup" ? (live.status as { cluster?: string } | undefined)?.cluster : undefined;
  if (madeIn !== undefined && madeIn !== input.cluster) return { type: "taken", document, cluster: madeIn };
  const merged = mergeDesired(live, object, before);
  if (compare(live, merged).length === 0) return undefined;
  const patch = guardedPatch(live, withProvenance(merged, input));
  return patch === undefined ? undefined : { type: "patch", document, live, patch };
}

/** The live object with the document's spec, its labels and its annotations, less those it named before. */
function mergeDesired(live: KubeObject, desired: KubeObject, before: Declared | undefined): KubeObject {
  const metadata = { ...live.metadata };
  for (const field of ["labels", "annotations"] as const) {
    const merged = mergeNames(live.metadata[field], desired.metadata[field], before?.[field]);
    if (merged === undefined) delete metadata[field];
    else metadata[field] = merged;
  }
  return { ...live, metadata, spec: desired.spec };
}

type Names = Record<string, string>;

function mergeNames(
  live: Names | undefined,
  desired: Names | undefined,
  before: readonly string[] | undefined,
): Names | undefined {
  const merged = new Map(Object.entries(live ?? {}));
  for (const name of before ?? []) merged.delete(name);
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
  previous: ReadonlyMap<string, Declared>,
): { readonly prunes: readonly SyncAction[]; readonly held: HeldDeletions | undefined } {
  if (!input.prune || input.isPruneBlocked) return { prunes: [], held: undefined };
  const desired = new Set(input.desired.map(({ object }) => idOf(object)));
  const gone = [...previous.entries()]
    .filter(([id]) => !desired.has(id))
    .flatMap(([id, declared]) => {
      const live = liveOf(input, id);
      return live !== undefined && isProven(input, declared, live) ? [live] : [];
    });
  if (gone.length === 0) return { prunes: [], held: undefined };
  const verdict = judgeDeletions(
    gone.map((live) => ({ id: idOf(live), kind: live.kind, uid: live.metadata.uid ?? "" })),
    [...desired].map((id) => id.slice(0, id.indexOf(" "))),
    input.deletions,
  );
  if (verdict.type === "held") {
    return { prunes: [], held: { digest: verdict.digest, objects: gone.map(idOf), why: verdict.why } };
  }
  return { prunes: gone.map((live) => ({ type: "prune", live })), held: undefined };
}

/** The live object that `Kind namespace/name` names. */
function liveOf(input: SyncInput, id: string): KubeObject | undefined {
  const [kind = "", key = ""] = id.split(" ");
  const [namespace = "", name = ""] = key.split("/");
  return input.live(kind, { namespace, name });
}

/** The live object is what this source declared: the same spec, in nobody else's tree, and no run of it is under way. */
function isProven(input: SyncInput, declared: Declared, live: KubeObject): boolean {
  if (input.declaredBy(live.kind, keyOf(live)) !== undefined) return false;
  const phase = (live.status as { phase?: string } | undefined)?.phase;
  return declared.spec === specDigest(live) && phase !== "InProgress";
}
