import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { sha256 } from "../api/digest.ts";
import { CodedError } from "../errors.ts";
import type { ManifestFile } from "./manifest.ts";
import type { ObjectStore } from "./object-store.ts";
import { createTally } from "./streams.ts";

/** How a file is put that must never be rewritten. */
export interface PutOnceOptions {
  /** False: the store knows no conditions; the caller's claim is then all that keeps others away. */
  readonly conditionalWrites: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Puts `body` where nothing stands. A key that exists may be our own put, whose answer was lost: it is read and compared.
 * @throws {StoreObjectExists} when other bytes stand there.
 */
export async function putOnce(
  store: ObjectStore,
  key: string,
  body: Uint8Array | Readable,
  options: PutOnceOptions,
): Promise<Omit<ManifestFile, "name">> {
  const put = {
    ...(options.conditionalWrites && { ifAbsent: true }),
    ...(options.signal && { signal: options.signal }),
  };
  if (!(body instanceof Readable)) {
    const digest = { sizeBytes: body.length, sha256: sha256(body) };
    const outcome = await store.put(key, body, put);
    if (outcome.type === "exists") await checkSame(store, key, digest, options.signal);
    return digest;
  }
  const tally = createTally();
  // The store meets the error when it reads; a body that breaks before that must not end the process.
  tally.stream.on("error", () => {});
  body.on("error", (error) => tally.stream.destroy(error));
  tally.stream.on("close", () => body.destroy());
  const outcome = await store.put(key, body.pipe(tally.stream), put);
  if (outcome.type === "exists" && !tally.ended) throw exists(key);
  const digest = tally.result();
  if (outcome.type === "exists") await checkSame(store, key, digest, options.signal);
  return digest;
}

async function checkSame(
  store: ObjectStore,
  key: string,
  expected: Omit<ManifestFile, "name">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stored = createTally();
  await pipeline(await store.get(key, signal), stored.stream.resume());
  if (stored.result().sha256 !== expected.sha256) throw exists(key);
}

function exists(key: string): CodedError {
  const message = `${key} exists already with other content: another run wrote it, so this one stops`;
  return new CodedError("StoreObjectExists", { key }, message);
}
