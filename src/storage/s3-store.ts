import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../errors.ts";
import type { ObjectStat, ObjectStore, PutOptions, PutOutcome } from "./object-store.ts";
import { connectS3, type S3Connection } from "./s3-client.ts";
import { download, downloadRange } from "./s3-download.ts";
import {
  fromS3Error,
  isAmbiguousMiss,
  isConditionalConflict,
  isConditionFailed,
  isObjectMissing,
  s3ErrorName,
  s3Status,
} from "./s3-errors.ts";
import { keyPrefix, type S3StoreOptions, s3Location, sendsChecksums } from "./s3-options.ts";
import {
  cutParts,
  destroyOnAbort,
  listUploads,
  type UploadOutcome,
  type UploadParams,
  uploadParts,
} from "./s3-upload.ts";
import { discard } from "./streams.ts";

const DEFAULT_PART_BYTES = 5 * 1024 * 1024;
/** Tries of a conditional write that met another one under way (409). */
const CONFLICT_TRIES = 6;

/** A store in an S3 bucket. The SDK is loaded, and the endpoint first spoken to, when it is first used. */
export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #options: S3StoreOptions;
  readonly #prefix: string;
  #connecting: Promise<S3Connection> | undefined;
  /** Also set once the bucket has refused a body without a checksum, as one with Object Lock does. */
  #needsChecksum: boolean;

  constructor(options: S3StoreOptions) {
    this.#options = options;
    this.#prefix = keyPrefix(options);
    this.location = s3Location(options);
    this.#needsChecksum = sendsChecksums(options);
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<PutOutcome> {
    const { signal } = options;
    const unwatch = body instanceof Readable ? destroyOnAbort(body, signal) : () => {};
    try {
      signal?.throwIfAborted();
      const connection = await this.#connect();
      const outcome = await this.#put(connection, { ...this.#params(options), ...this.#target(key) }, body, signal);
      if (outcome !== "unknown") return { type: outcome };
      return await this.#settle(key, options);
    } catch (error) {
      throw fromS3Error(error, { location: this.location, key, action: "write" }, signal);
    } finally {
      unwatch();
      discard(body);
    }
  }

  async get(key: string, signal?: AbortSignal): Promise<Readable> {
    const translate = (error: unknown): unknown =>
      fromS3Error(error, { location: this.location, key, action: "read" }, signal);
    const options = { signal, translate };
    return await this.#call(
      key,
      "read",
      signal,
      async (connection) => await download(connection, this.#target(key), options),
    );
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0); // A range of no bytes can't be asked for.
    const range = { ...this.#target(key), offset, length };
    const bytes = await this.#call(
      key,
      "read",
      signal,
      async (connection) => await downloadRange(connection, range, signal),
    );
    if (bytes.length >= length) return bytes.subarray(0, length);
    throw new CodedError("ArchiveTruncated", { key }, `${key} is cut short: it ends before byte ${offset + length}`);
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    return await this.#call(key, "read", signal, async (connection) => {
      const { sdk, client } = connection;
      try {
        const found = await client.send(
          new sdk.HeadObjectCommand(this.#target(key)),
          signal && { abortSignal: signal },
        );
        const lockedUntilMs =
          found.ObjectLockLegalHoldStatus === "ON"
            ? Number.POSITIVE_INFINITY
            : found.ObjectLockRetainUntilDate?.getTime();
        return {
          key,
          sizeBytes: found.ContentLength ?? 0,
          modifiedMs: found.LastModified?.getTime() ?? 0,
          ...(lockedUntilMs === undefined ? {} : { lockedUntilMs }),
        };
      } catch (error) {
        if (!isAmbiguousMiss(error)) throw error;
        return await this.#confirmMissing(connection, key, signal);
      }
    });
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    for (let token: string | undefined, more = true; more; ) {
      const page = await this.#listPage(prefix, { token, signal });
      for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
        yield { key: Key.slice(this.#prefix.length), sizeBytes: Size, modifiedMs: LastModified?.getTime() ?? 0 };
      }
      token = page.NextContinuationToken;
      more = page.IsTruncated === true && token !== undefined;
    }
  }

  async listPrefixes(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for (let token: string | undefined, more = true; more; ) {
      const page = await this.#listPage(prefix, { token, signal, delimiter: "/" });
      for (const { Prefix = "" } of page.CommonPrefixes ?? [])
        found.push(Prefix.slice(this.#prefix.length + prefix.length));
      token = page.NextContinuationToken;
      more = page.IsTruncated === true && token !== undefined;
    }
    return found;
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    await this.#call(key, "delete", signal, async ({ sdk, client }) => {
      await client.send(new sdk.DeleteObjectCommand(this.#target(key)), signal && { abortSignal: signal });
    });
  }

  async abortUploads(key: string, signal?: AbortSignal): Promise<number> {
    return await this.#call(key, "end uploads of", signal, async (connection) => {
      const target = this.#target(key);
      let ended = 0;
      for await (const UploadId of listUploads(connection, target, signal)) {
        const command = new connection.sdk.AbortMultipartUploadCommand({ ...target, UploadId });
        await connection.client.send(command, signal && { abortSignal: signal });
        ended += 1;
      }
      return ended;
    });
  }

  /** Closes the connections; the store opens new ones when it is used again. */
  async close(): Promise<void> {
    const connection = await this.#connecting?.catch(() => undefined);
    this.#connecting = undefined;
    connection?.client.destroy();
  }

  #connect(): Promise<S3Connection> {
    this.#connecting ??= connectS3(this.#options);
    return this.#connecting;
  }

  #target(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#options.bucket, Key: this.#prefix + key };
  }

  #params({ ifAbsent, contentType }: PutOptions): Omit<UploadParams, "Bucket" | "Key"> {
    const { serverSideEncryption, kmsKeyId } = this.#options;
    return {
      ...(ifAbsent === true && { IfNoneMatch: "*" }),
      ...(contentType !== undefined && { ContentType: contentType }),
      ...(serverSideEncryption !== undefined && { ServerSideEncryption: serverSideEncryption }),
      ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
    };
  }

  async #call<T>(
    key: string,
    action: string,
    signal: AbortSignal | undefined,
    run: (connection: S3Connection) => Promise<T>,
  ): Promise<T> {
    try {
      signal?.throwIfAborted();
      return await run(await this.#connect());
    } catch (error) {
      throw fromS3Error(error, { location: this.location, key, action }, signal);
    }
  }

  async #put(
    connection: S3Connection,
    params: UploadParams,
    body: Uint8Array | Readable,
    signal: AbortSignal | undefined,
  ): Promise<UploadOutcome> {
    if (!(body instanceof Readable)) return await this.#putWhole(connection, params, body, signal);
    const spare: Buffer[] = [];
    const partBytes = this.#options.partBytes ?? DEFAULT_PART_BYTES;
    const rest = cutParts(body, partBytes, spare);
    const { value: first = Buffer.alloc(0) } = await rest.next();
    if (first.length < partBytes) return await this.#putWhole(connection, params, first, signal);
    const checked = this.#needsChecksum ? { ...params, ChecksumAlgorithm: "CRC32" as const } : params;
    return await uploadParts(connection, checked, { first, rest, spare }, signal);
  }

  async #putWhole(
    connection: S3Connection,
    params: UploadParams,
    body: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<UploadOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        const checksum = this.#needsChecksum && { ChecksumAlgorithm: "CRC32" as const };
        const command = new connection.sdk.PutObjectCommand({ ...params, ...checksum, Body: body });
        await connection.client.send(command, signal && { abortSignal: signal });
        return "created";
      } catch (error) {
        if (isConditionFailed(error)) return "exists";
        if (!this.#needsChecksum && wantsChecksum(error)) this.#needsChecksum = true;
        else if (!isConditionalConflict(error) || attempt === CONFLICT_TRIES) throw error;
        else await sleep(20 * 2 ** attempt, undefined, signal && { signal });
      }
    }
  }

  /** Asks once more in a way whose answer says what is missing. Throws unless it is the object. */
  async #confirmMissing(
    { sdk, client }: S3Connection,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<undefined> {
    try {
      const command = new sdk.GetObjectCommand({ ...this.#target(key), Range: "bytes=0-0" });
      const answer = await client.send(command, signal && { abortSignal: signal });
      discard(answer.Body as Readable);
    } catch (error) {
      if (isObjectMissing(error)) return undefined;
      throw error;
    }
    // It came into being in between: as good as not yet there when it was asked for.
    return undefined;
  }

  /** The answer to a completion was lost: what stands there now tells. */
  async #settle(key: string, options: PutOptions): Promise<PutOutcome> {
    if ((await this.head(key, options.signal)) !== undefined)
      return { type: options.ifAbsent === true ? "exists" : "created" };
    const message = `${this.location}: the upload of ${key} was ended by someone else before it was complete`;
    throw new CodedError("StoreUnreachable", { location: this.location }, message);
  }

  async #listPage(
    prefix: string,
    options: { token: string | undefined; signal: AbortSignal | undefined; delimiter?: string },
  ) {
    return await this.#call(prefix, "list", options.signal, async ({ sdk, client }) => {
      const { Bucket, Key: Prefix } = this.#target(prefix);
      const command = new sdk.ListObjectsV2Command({
        Bucket,
        Prefix,
        ContinuationToken: options.token,
        Delimiter: options.delimiter,
      });
      return await client.send(command, options.signal && { abortSignal: options.signal });
    });
  }
}

/** What a bucket with Object Lock answers to a body without a checksum. */
function wantsChecksum(error: unknown): boolean {
  return (
    s3Status(error) === 400 &&
    s3ErrorName(error) === "InvalidRequest" &&
    error instanceof Error &&
    /checksum|content-md5/i.test(error.message)
  );
}
