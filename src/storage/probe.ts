import { randomUUID } from "node:crypto";
import { CodedError, isCoded } from "../errors.ts";
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
  try {
    const found = await writeTwice(store, key, signal);
    await store.delete(key);
    return found;
  } catch (error) {
    await store.delete(key).catch(() => {}); // what could not be written need not be there
    const told = withoutName(error, key);
    if (!isCoded(told, "StoreConditionIgnored")) throw told;
    return { supported: false, reason: told.message };
  }
}

async function writeTwice(
  store: ObjectStore,
  key: string,
  signal: AbortSignal | undefined,
): Promise<ConditionalWrites> {
  const options = { ifAbsent: true, ...(signal && { signal }) };
  await store.put(key, Buffer.from("first"), options);
  const second = await store.put(key, Buffer.from("second"), options);
  if (second.type === "exists") return { supported: true };
  return { supported: false, reason: "the endpoint ignores If-None-Match: an existing object was overwritten" };
}

/** The same failure must read the same each time: it goes into a status, of which every change is an event. */
function withoutName(error: unknown, key: string): unknown {
  if (!(error instanceof CodedError)) return error;
  return new CodedError(error.code, error.data, error.message.replaceAll(key, "a test object"), { cause: error });
}
