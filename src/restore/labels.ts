/** The labels a restore leaves on what it writes. */
import { BACKUP_NAME_LABEL, RESTORE_NAME_LABEL } from "../api/digest.ts";
import { labelValue } from "../api/label-value.ts";
import type { KubeObject } from "../api/object.ts";

/** The two label values of one run. */
export interface RestoreLabels {
  readonly backup: string;
  readonly restore: string;
}

export function restoreLabels(backupName: string, run: string): RestoreLabels {
  return { backup: labelValue(backupName), restore: labelValue(run) };
}

/** Puts the labels on; the object is changed. */
export function setRestoreLabels(object: KubeObject, labels: RestoreLabels): void {
  object.metadata.labels = {
    ...object.metadata.labels,
    [BACKUP_NAME_LABEL]: labels.backup,
    [RESTORE_NAME_LABEL]: labels.restore,
  };
}

/** True when this very run wrote the object before: a resumed run meets its own work. */
export function hasRestoreLabels(object: Pick<KubeObject, "metadata">, labels: RestoreLabels): boolean {
  const own = object.metadata.labels;
  return own?.[BACKUP_NAME_LABEL] === labels.backup && own[RESTORE_NAME_LABEL] === labels.restore;
}
