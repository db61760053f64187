/** What the parts of one write have in common: how it stands, and the requests they send. */
import type { KubeObject, ObjectKey } from "../api/object.ts";
import type { Patch } from "../kube/client.ts";
import { refusalOf } from "./refusal.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { ObjectOutcome, ObjectRecord, PlannedItem } from "./types.ts";
import { type WrittenObject, writtenAnswer } from "./written-object.ts";

/** How often an object that keeps changing under our hands is read and planned again. */
export const ATTEMPTS = 20;
/** Before the next try against an API server that did not answer. */
export const OUTAGE_PAUSE_MS = 500;

/** What a write came to, before it is a record. */
export interface Written {
  readonly outcome: ObjectOutcome;
  readonly object?: WrittenObject;
  readonly reason?: string;
  readonly message?: string;
  readonly warnings?: readonly string[];
  readonly errors?: readonly string[];
  /** A deletion was sent, and may have been done. */
  readonly deletedUid?: string;
  /** What an earlier attempt recorded of it: an undo is guarded by that. */
  readonly before?: ObjectRecord;
}

/** What to do next with an item: it is done, or it must be planned anew against what stands there. */
export type Step =
  | { readonly type: "done"; readonly written: Written }
  | {
      readonly type: "again";
      readonly item: PlannedItem;
      readonly deletedUid?: string;
      /** Why, where the API server did not take the write for as long as the client tries. */
      readonly outage?: unknown;
    };

/** Nothing more is to be done with the object. */
export function done(written: Written): Step {
  return { type: "done", written };
}

/** The object is not what the plan says, and the run goes on. */
export function failed(reason: string, message: string): Step {
  return done({ outcome: "failed", reason, message, errors: [message] });
}

/** A failure by what the API server said. `did` names the object. */
export function failedBy(error: unknown, did?: string): Step {
  const { reason, message } = refusalOf(error);
  return failed(reason, did === undefined ? message : `${did}: ${message}`);
}

/** What stands there now. */
export async function read(session: RestoreSession, item: PlannedItem): Promise<KubeObject | undefined> {
  return await session.deps.kube.get(item.gvr, placeOf(item), session.request.signal);
}

/** One patch; @throws {KubeConflict} where the object moved since it was planned. */
export async function sendPatch(session: RestoreSession, item: PlannedItem, patch: Patch): Promise<WrittenObject> {
  return writtenAnswer(item, await session.deps.kube.patchBytes(item.gvr, placeOf(item), patch, writeOptions(session)));
}

/** The planned patch as it is sent. */
export function plannedPatch({ operations = [], mergePatch }: PlannedItem): Patch {
  return mergePatch === undefined ? { type: "json", operations } : { type: "merge", body: mergePatch };
}

/** How everything of a restore is written: what the server does not know of an object is dropped, as in Velero. */
export function writeOptions(session: RestoreSession): {
  fieldManager: string;
  fieldValidation: "Ignore";
  signal?: AbortSignal;
} {
  return { fieldManager: "holdfast", fieldValidation: "Ignore", ...signalOf(session.request) };
}

/** Where it is written. */
export function placeOf(item: PlannedItem): ObjectKey {
  return { namespace: item.entry.namespace, name: item.entry.name };
}

/** `resource/namespace/name`, as Velero's results name an item. */
export function nameOf(item: PlannedItem): string {
  const { resource, namespace, name } = item.entry;
  return namespace === "" ? `${resource}/${name}` : `${resource}/${namespace}/${name}`;
}

/** Only those lists that hold something. */
export function listed(
  warnings: readonly string[],
  errors: readonly string[],
): { warnings?: readonly string[]; errors?: readonly string[] } {
  return { ...(warnings.length === 0 ? {} : { warnings }), ...(errors.length === 0 ? {} : { errors }) };
}
