/** Objects that selected ones need and that filters alone would leave out: a pod's claims, a claim's volume. */
import { parseJson } from "../api/json.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { IndexRow } from "../storage/index-row.ts";
import { textAt } from "./json-path.ts";
import { relatedToPod } from "./kinds/pod.ts";
import { volumeOfClaim } from "./kinds/volume.ts";
import type { Selection } from "./selection.ts";

/** The resource of priority classes, which pods draw in. */
export const PRIORITY_CLASSES = "priorityclasses.scheduling.k8s.io";

/** Keys drawn in, by resource, as `namespace/name` or `name`. */
export type RelatedNames = ReadonlyMap<string, ReadonlySet<string>>;

/** Reads the selected pods and claims once, where filters could leave out what they need. */
export async function findRelated(backup: BackupReader, selection: Selection): Promise<RelatedNames> {
  const related = new Map<string, Set<string>>();
  if (!selection.drawsIn) return related;
  const draw = (resource: string, key: ObjectKey): void => {
    if (key.name === "" || !selection.includesRelated(resource, key)) return;
    const names = related.get(resource) ?? new Set();
    related.set(resource, names.add(formatKey(key)));
  };
  for await (const pod of selected(backup, selection, "pods")) {
    if (["Succeeded", "Failed"].includes(textAt(pod, "status", "phase"))) continue;
    const { claims, priorityClass } = relatedToPod(pod);
    for (const name of claims) draw("persistentvolumeclaims", { namespace: pod.metadata.namespace ?? "", name });
    draw(PRIORITY_CLASSES, { namespace: "", name: priorityClass });
  }
  const claims = related.get("persistentvolumeclaims");
  for await (const claim of selected(backup, selection, "persistentvolumeclaims", claims)) {
    draw("persistentvolumes", { namespace: "", name: volumeOfClaim(claim) });
  }
  return related;
}

async function* selected(
  backup: BackupReader,
  selection: Selection,
  resource: string,
  drawn: ReadonlySet<string> | undefined = undefined,
): AsyncGenerator<KubeObject> {
  if (!selection.includesResource(resource)) return;
  const isDrawn = (row: IndexRow): boolean => drawn?.has(formatKey(row)) ?? false;
  for await (const { row, body } of backup.readMany(rowsIncluded(backup, selection, resource, isDrawn))) {
    const object = parseJson(body) as KubeObject;
    if (isDrawn(row) || selection.matches(resource, row, object.metadata.labels)) yield object;
  }
}

async function* rowsIncluded(
  backup: BackupReader,
  selection: Selection,
  resource: string,
  isDrawn: (row: IndexRow) => boolean,
): AsyncGenerator<IndexRow> {
  for await (const row of backup.rows(resource, selection)) {
    if (selection.includes(resource, row) || isDrawn(row)) yield row;
  }
}
