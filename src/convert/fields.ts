import type { KubeObject } from "../api/object.ts";
import type { FieldPath } from "../api/problem.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

/** Why a field of Velero's has no counterpart; in words of its own where another field does the same. */
const WITHOUT_COUNTERPART: Readonly<Record<string, string>> = {
  csiSnapshotTimeout: "Holdfast takes no CSI snapshots: volume data is not copied",
  itemOperationTimeout: "Holdfast has no asynchronous plug-in operations to wait for",
  volumeSnapshotLocations: "Holdfast takes no volume snapshots: volume data is not copied",
  snapshotVolumes: "volume data is not copied: protect it by other means",
  snapshotMoveData: "volume data is not copied: protect it by other means",
  defaultVolumesToFsBackup: "volume data is not copied: protect it by other means",
  defaultVolumesToRestic: "volume data is not copied: protect it by other means",
  datamover: "volume data is not copied: protect it by other means",
  volumeGroupSnapshotLabelKey: "volume data is not copied: protect it by other means",
  uploaderConfig: "there is no uploader of volume data to configure",
  restorePVs: "volume data is not restored; PersistentVolumes and claims come back as objects, with or without it",
  useOwnerReferencesInBackup: "deleting a policy never deletes its backups, so they need no owner",
  skipImmediately: "a new or resumed schedule waits for its next slot; what it missed while suspended is not made up",
  metadata: "backups of a policy carry no labels of their own: GitOps tools would prune what carries theirs",
};

/** Fields that say nothing when they hold this. */
const SAYS_NOTHING: Readonly<Record<string, unknown>> = {
  snapshotVolumes: false,
  snapshotMoveData: false,
  defaultVolumesToFsBackup: false,
  defaultVolumesToRestic: false,
  useOwnerReferencesInBackup: false,
  restorePVs: false,
};

/** What became of the fields of one object of Velero's. */
export interface TakenOver {
  readonly spec: Record<string, unknown>;
  readonly notes: readonly Note[];
}

/** The fields that mean the same here, as they stand; each other one that says something is a note. */
export function takeOver(
  at: Located,
  path: FieldPath,
  from: Readonly<Record<string, unknown>>,
  known: ReadonlySet<string>,
): TakenOver {
  const spec: Record<string, unknown> = {};
  const notes: Note[] = [];
  for (const [field, value] of Object.entries(from)) {
    if (isEmpty(value) || SAYS_NOTHING[field] === value) continue;
    const why = WITHOUT_COUNTERPART[field];
    if (known.has(field) && why === undefined) spec[field] = value;
    else notes.push(noteOn(at, "lost", [...path, field], why ?? "Holdfast has no such field"));
  }
  return { spec, notes };
}

/** Null, and what Velero itself writes where nothing was said. */
function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  if (typeof value !== "object") return false;
  return Object.values(value).every(isEmpty);
}

const FOREIGN_LABEL =
  /^(?:velero\.io\/|app\.kubernetes\.io\/managed-by$|helm\.sh\/|argocd\.argoproj\.io\/|kustomize\.toolkit\.fluxcd\.io\/)/;

/** Labels that are the object's own: not Velero's, and not those of what applied it. */
export function ownLabels({ metadata }: KubeObject): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([label]) => !FOREIGN_LABEL.test(label)));
}
