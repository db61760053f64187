import { randomUUID } from "node:crypto";
import { isCoded } from "../errors.ts";
import { probeKey } from "./layout.ts";
import type { ObjectStore } from "./object-store.ts";

/** What a location can do, found out by doing it. */
export type ConditionalWrites = { readonly supported: true } | { readonly supported: false; readonly reason: string };

/**
 * Tries `If-None-Match: *` on an object under `metadata/`, which it deletes again. An endpoint that ignores the
 * condition, or refuses it as not implemented, is a finding.
 * @throws what the store throws when it can't be written to at all.
 */
export async function probeConditionalWrites(store: ObjectStore, signal?: AbortSignal): Promise<ConditionalWrites> {
  const key = probeKey(randomUUID());
  const options = { ifAbsent: true, ...(signal && { signal }) };
  try {
    await store.put(key, Buffer.from("first"), options);
    const second = await store.put(key, Buffer.from("second"), options);
    if (second.type === "exists") return { supported: true };
    return { supported: false, reason: "the endpoint ignores If-None-Match: an existing object was overwritten" };
  } catch (error) {
    if (!isCoded(error, "StoreConditionIgnored")) throw error;
    return { supported: false, reason: error.message };
  } finally {
    await store.delete(key);
  }
}
