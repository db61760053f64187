import { CodedError } from "../errors.ts";
import type { ObjectStore } from "./object-store.ts";

/** What a location can do, found out by doing it. */
export interface ConditionalWrites {
  readonly supported: boolean;
  /** For the location's condition, when not supported. */
  readonly reason: string;
}

/**
 * Tries `If-None-Match: *` on an object under `metadata/`, which it deletes again. An endpoint that ignores the
 * condition, or refuses it as not implemented, is a finding.
 * @throws what the store throws when it can't be written to at all.
 */
export async function probeConditionalWrites(_store: ObjectStore, _signal?: AbortSignal): Promise<ConditionalWrites> {
  throw new CodedError("Internal", { detail: "probe" }, "not built yet");
}
