import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, type Gunzip } from "node:zlib";
import { parseJson } from "../api/json.ts";
import { type KubeObject, parseApiVersion } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import { type ArchivePosition, parseArchivePath } from "./archive-path.ts";
import { createKeySet } from "./key-set.ts";
import type { ObjectStore } from "./object-store.ts";
import { createTally } from "./streams.ts";
import { createTarDecoder } from "./tar-decoder.ts";
import { TarRefusal } from "./tar-refusal.ts";

/** One object of an archive, checked against its path. `body` shares memory with what was inflated: copy to keep. */
export interface ArchiveObject extends ArchivePosition {
  readonly body: Buffer;
  readonly object: KubeObject;
}

/** What a reader takes at most; an archive beyond is hostile or broken. */
export interface ArchiveLimits {
  readonly entries: number;
  readonly entryBytes: number;
  readonly totalBytes: number;
  /** Inflated bytes per archived byte. */
  readonly ratio: number;
  /** From where the ratio counts: small archives of equal objects shrink a hundredfold and more, and harm nobody. */
  readonly ratioFromBytes: number;
}

/** Generous for any real cluster, and far below what would bring a process down. */
export const DEFAULT_LIMITS: ArchiveLimits = {
  entries: 5_000_000,
  entryBytes: 32 * 1024 * 1024,
  totalBytes: 64 * 1024 * 1024 * 1024,
  ratio: 250,
  ratioFromBytes: 64 * 1024 * 1024,
};

/** What is read, and what is known of it beforehand. */
export interface ReadArchiveOptions {
  /** Of the whole file, from the manifest; Velero's have none. */
  readonly expected?: { readonly sizeBytes: number; readonly sha256: string };
  readonly limits?: Partial<ArchiveLimits>;
  readonly signal?: AbortSignal;
  /** Told of files that hold no object (Velero goes on past them); absent: they end the reading. */
  readonly onUnreadable?: (path: string, why: string) => void;
}

/**
 * Reads a whole archive, Velero's or ours, in its order. What it yielded counts only when it has ended without an
 * error: the exact size, the two zero blocks and the digest are known only then.
 * @throws {StoreObjectMissing, ArchiveTruncated, ArchiveInvalid, ArchiveUnsafe, DigestMismatch}
 */
export async function* readArchive(
  store: ObjectStore,
  key: string,
  options: ReadArchiveOptions = {},
): AsyncGenerator<ArchiveObject> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const seen = createKeySet();
  const decoder = createTarDecoder(limits);
  try {
    for await (const chunk of inflate(store, key, options, limits)) {
      for (const { path, body } of decoder.write(chunk)) {
        if (!seen.add(path)) throw new TarRefusal("unsafe", path, "it stands in the archive twice");
        const object = readEntry(path, body, options.onUnreadable);
        if (object !== undefined) yield object;
      }
    }
    decoder.end();
  } catch (error) {
    throw error instanceof TarRefusal ? refused(key, error) : error;
  }
}

/** The archive's tar bytes; ends without an error only when size and digest are right. */
async function* inflate(
  store: ObjectStore,
  key: string,
  options: ReadArchiveOptions,
  limits: ArchiveLimits,
): AsyncGenerator<Buffer> {
  const stat = await store.head(key, options.signal);
  const source = await store.get(key, options.signal);
  const tally = createTally();
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  const flow = pipeline(source, tally.stream, gunzip);
  flow.catch(() => {}); // The loop below sees the same error.
  let total = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      total += chunk.length;
      checkVolume(total, gunzip, limits);
      yield chunk;
    }
    await flow;
  } catch (error) {
    throw inflateError(key, error);
  } finally {
    destroyAll(source, gunzip);
  }
  const { sizeBytes, sha256 } = tally.result();
  checkWhole(key, { sizeBytes, sha256, consumed: gunzip.bytesWritten }, stat?.sizeBytes, options.expected);
}

function destroyAll(source: Readable, gunzip: Gunzip): void {
  source.destroy();
  gunzip.destroy();
}

function checkVolume(total: number, gunzip: Gunzip, limits: ArchiveLimits): void {
  if (total > limits.totalBytes) {
    throw new TarRefusal("unsafe", "", `it inflates to more than ${limits.totalBytes} bytes`);
  }
  if (total > limits.ratioFromBytes && total > gunzip.bytesWritten * limits.ratio) {
    throw new TarRefusal("unsafe", "", `it inflates to more than ${limits.ratio} times its size`);
  }
}

/** Node's gunzip stops without an error at bytes that are no gzip member; only the count of bytes it took shows it. */
function checkWhole(
  key: string,
  read: { readonly sizeBytes: number; readonly sha256: string; readonly consumed: number },
  storedBytes: number | undefined,
  expected: ReadArchiveOptions["expected"],
): void {
  const whole = expected?.sizeBytes ?? storedBytes ?? read.sizeBytes;
  if (read.sizeBytes < whole) {
    throw new CodedError(
      "ArchiveTruncated",
      { key },
      `${key} is cut short: ${read.sizeBytes} of ${whole} bytes are there`,
    );
  }
  if (read.consumed < read.sizeBytes) {
    const why = `what follows byte ${read.consumed} is not gzip`;
    throw new CodedError("ArchiveInvalid", { key, why }, `${key} is damaged: ${why}`);
  }
  if (expected !== undefined && (read.sha256 !== expected.sha256 || read.sizeBytes !== expected.sizeBytes)) {
    throw new CodedError(
      "DigestMismatch",
      { key, expected: expected.sha256, actual: read.sha256 },
      `${key} is not the file that its manifest names: sha256 ${read.sha256}, expected ${expected.sha256}`,
    );
  }
}

function inflateError(key: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "Z_BUF_ERROR") {
    return new CodedError("ArchiveTruncated", { key }, `${key} is cut short: it ends inside a gzip member`, {
      cause: error,
    });
  }
  if (typeof code === "string" && code.startsWith("Z_") && error instanceof Error) {
    const why = `gzip: ${error.message}`;
    return new CodedError("ArchiveInvalid", { key, why }, `${key} is damaged: ${why}`, { cause: error });
  }
  return error;
}

function refused(key: string, refusal: TarRefusal): CodedError {
  const where = refusal.entry === "" ? "" : `entry ${JSON.stringify(refusal.entry.slice(0, 300))}: `;
  const message = `${key}: ${where}${refusal.message}`;
  if (refusal.type === "truncated")
    return new CodedError("ArchiveTruncated", { key }, `${key} is cut short: ${where}${refusal.message}`);
  if (refusal.type === "invalid") return new CodedError("ArchiveInvalid", { key, why: refusal.message }, message);
  return new CodedError("ArchiveUnsafe", { key, entry: refusal.entry, why: refusal.message }, message);
}

function readEntry(
  path: string,
  body: Buffer,
  onUnreadable: ReadArchiveOptions["onUnreadable"],
): ArchiveObject | undefined {
  const parsed = parseArchivePath(path);
  if (parsed.type === "unsafe") throw new TarRefusal("unsafe", path, parsed.why);
  if (parsed.type === "other") {
    if (path.startsWith("resources/")) unreadable(path, "its path is not that of an object");
    return undefined;
  }
  const { type: _type, ...position } = parsed;
  let object: unknown;
  try {
    object = parseJson(body);
  } catch (error) {
    unreadable(path, `it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  if (!isKubeObject(object)) {
    unreadable(path, "it has no apiVersion, kind or metadata.name");
    return undefined;
  }
  checkAgreement(path, position, object);
  return { ...position, body, object };

  function unreadable(at: string, why: string): void {
    if (onUnreadable === undefined) throw new TarRefusal("invalid", at, why);
    onUnreadable(at, why);
  }
}

function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== "object" || value === null) return false;
  const { apiVersion, kind, metadata } = value as Partial<KubeObject>;
  return typeof apiVersion === "string" && typeof kind === "string" && typeof metadata?.name === "string";
}

/** Filters and plans look at the path, the API server at the body: where they differ, one of the two is a lie. */
function checkAgreement(path: string, position: ArchivePosition, object: KubeObject): void {
  const { name, namespace = "" } = object.metadata;
  const dot = position.resource.indexOf(".");
  const group = dot < 0 ? "" : position.resource.slice(dot + 1);
  if (
    name !== position.name ||
    namespace !== position.namespace ||
    parseApiVersion(object.apiVersion).group !== group
  ) {
    const says = `${object.apiVersion} ${object.kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
    throw new TarRefusal("unsafe", path, `its content is another object: ${says}`);
  }
}
