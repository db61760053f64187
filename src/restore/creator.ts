/**
 * What a run created is known by its field manager: no other write has that one, and no clock is asked, which may be
 * another than the API server's.
 */
import { RESTORE_NAME_LABEL } from "../api/digest.ts";
import { labelValue } from "../api/label-value.ts";
import type { KubeObject } from "../api/object.ts";
import { recordsAt } from "./json-path.ts";

/** The field manager of everything that the run creates. */
export function creatorOf(run: string): string {
  return `holdfast/${labelValue(run)}`;
}

/** True for an object that the run created; `live` is with its managed fields. */
export function isCreatedBy(run: string, live: Pick<KubeObject, "metadata">): boolean {
  const creator = creatorOf(run);
  return recordsAt(live, "metadata", "managedFields").some(({ manager }) => manager === creator);
}

/**
 * Stands for the whole entry of the run where archived managed fields are put back: were it to own more than its label,
 * no server-side applier could take a field away again.
 */
export function creatorEntry(run: string, apiVersion: string): object {
  return {
    manager: creatorOf(run),
    operation: "Update",
    apiVersion,
    fieldsType: "FieldsV1",
    fieldsV1: { "f:metadata": { "f:labels": { [`f:${RESTORE_NAME_LABEL}`]: {} } } },
  };
}
