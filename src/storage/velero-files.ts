/**
 * Velero's files beside the archive, as it writes and reads them: gzip of JSON that ends with a newline, or of log lines.
 * Both engines write theirs with this, and everyone reads them with it.
 */

import { Readable } from "node:stream";
import { promisify } from "node:util";
import { createGzip, gunzip, gzip } from "node:zlib";
import { parseJson, stringifyJson } from "../api/json.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import { escapeAsGo } from "./marker.ts";
import type { ObjectStore } from "./object-store.ts";
import { readAll } from "./streams.ts";

const deflate = promisify(gzip) as (bytes: Uint8Array) => Promise<Buffer>;
const inflate = promisify(gunzip) as (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

/** Log lines or names that are made one text: some 100 kB. */
const LINES_AT_ONCE = 1_000;

/** A side file larger than this, inflated, is refused: the largest real ones hold a line per object. */
const MAX_INFLATED_BYTES = 512 * 1024 * 1024;

/** gzip of compact JSON and a newline, which is what Go's encoder ends with. */
export async function encodeGzipJson(value: unknown): Promise<Buffer> {
  return await deflate(Buffer.from(`${escapeAsGo(stringifyJson(value))}\n`));
}

/** gzip of Velero's resource list, `apps/v1/Deployment` → names: the same bytes of JSON, which never stand whole in memory. */
export async function encodeResourceList(list: Iterable<readonly [string, readonly string[]]>): Promise<Buffer> {
  return await deflatePieces(resourceListJson(list));
}

/** gzip of a text. */
export async function encodeGzipText(text: string): Promise<Buffer> {
  return await deflate(Buffer.from(text));
}

/** gzip of log lines, each ended by a newline. */
export async function encodeLogs(lines: readonly string[]): Promise<Buffer> {
  return await deflatePieces(batches(lines, (batch) => batch.map((line) => `${line}\n`).join("")));
}

function* resourceListJson(list: Iterable<readonly [string, readonly string[]]>): Generator<string> {
  let opening = "{";
  for (const [kind, names] of list) {
    yield `${opening}${escapeAsGo(stringifyJson(kind))}:[`;
    let comma = "";
    for (const json of batches(names, (batch) => escapeAsGo(stringifyJson(batch)).slice(1, -1))) {
      yield comma + json;
      comma = ",";
    }
    yield "]";
    opening = ",";
  }
  yield opening === "{" ? "{}\n" : "}\n";
}

function* batches(lines: readonly string[], encode: (batch: readonly string[]) => string): Generator<string> {
  for (let at = 0; at < lines.length; at += LINES_AT_ONCE) yield encode(lines.slice(at, at + LINES_AT_ONCE));
}

async function deflatePieces(pieces: Iterable<string>): Promise<Buffer> {
  return await readAll(Readable.from(pieces).pipe(createGzip()));
}

/** The text inside a gzipped file, or undefined where the file is missing. @throws {ArchiveInvalid} when it is no gzip, or a bomb */
export async function readGzipText(store: ObjectStore, key: string, signal?: AbortSignal): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readAll(await store.get(key, signal));
  } catch (error) {
    if (isCoded(error, "StoreObjectMissing")) return undefined;
    throw error;
  }
  try {
    return (await inflate(bytes, { maxOutputLength: MAX_INFLATED_BYTES })).toString("utf8");
  } catch (error) {
    throw invalid(key, `gzip: ${messageOf(error)}`, error);
  }
}

/** The JSON inside a gzipped file, or undefined where the file is missing. @throws {ArchiveInvalid} */
export async function readGzipJson(store: ObjectStore, key: string, signal?: AbortSignal): Promise<unknown> {
  const text = await readGzipText(store, key, signal);
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch (error) {
    throw invalid(key, "it is not JSON", error);
  }
}

function invalid(key: string, why: string, cause: unknown): CodedError {
  return new CodedError("ArchiveInvalid", { key, why }, `${key} cannot be read: ${why}`, { cause });
}
