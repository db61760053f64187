/**
 * Uploads of any length. Not lib-storage's `Upload`: that one answers an abort before its requests have ended, goes on
 * reading the body after a part has failed, and so can neither promise that nothing is left nor that nothing appears.
 */

import type { Readable } from "node:stream";
import type { CompletedPart, PutObjectCommandInput } from "@aws-sdk/client-s3";
import type { S3Connection } from "./s3-client.ts";
import { isConditionalConflict, isConditionFailed, s3ErrorName } from "./s3-errors.ts";

/** Where and how an object is put; the same for one request and for many. */
export type UploadParams = Pick<
  PutObjectCommandInput,
  "ServerSideEncryption" | "SSEKMSKeyId" | "ContentType" | "IfNoneMatch" | "ChecksumAlgorithm"
> & { readonly Bucket: string; readonly Key: string };

/** `unknown`: the upload is gone, and whether it or another was completed must be looked up. */
export type UploadOutcome = "created" | "exists" | "unknown";

/** Parts in flight at once; each is in memory until it is acknowledged. */
const PARALLEL_PARTS = 2;

/** A body in parts: the first is read already, the others are read as they are sent, into the memory of those that were. */
export interface Parts {
  readonly first: Buffer;
  readonly rest: AsyncIterator<Buffer>;
  readonly spare: Buffer[];
}

/** Puts a body in parts. Ends its upload on any failure before it throws. */
export async function uploadParts(
  connection: S3Connection,
  params: UploadParams,
  parts: Parts,
  signal: AbortSignal | undefined,
): Promise<UploadOutcome> {
  const { sdk, client } = connection;
  const { IfNoneMatch, ContentType, ServerSideEncryption, SSEKMSKeyId, ChecksumAlgorithm, ...target } = params;
  const abort = signal && { abortSignal: signal };
  const create = { ...target, ContentType, ServerSideEncryption, SSEKMSKeyId, ChecksumAlgorithm };
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(create), abort);
  const upload = { ...target, UploadId };
  try {
    const sent = await sendParts(connection, { ...upload, ChecksumAlgorithm }, parts, signal);
    const complete = { ...upload, IfNoneMatch, MultipartUpload: { Parts: sent } };
    await client.send(new sdk.CompleteMultipartUploadCommand(complete), abort);
    return "created";
  } catch (error) {
    if (s3ErrorName(error) === "NoSuchUpload") return "unknown";
    // Without the caller's signal: it may be why we are here, and what was uploaded costs money until it is ended.
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch((cause: unknown) => {
      if (error instanceof Error && error.cause === undefined) error.cause = cause;
    });
    if (isConditionFailed(error)) return "exists";
    if (isConditionalConflict(error)) return "unknown";
    throw error;
  }
}

interface PartTarget {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
  readonly ChecksumAlgorithm: UploadParams["ChecksumAlgorithm"];
}

/** Sends every part, a few at once; settles only when none is in flight any more. */
async function sendParts(
  { sdk, client }: S3Connection,
  target: PartTarget,
  { first, rest, spare }: Parts,
  signal: AbortSignal | undefined,
): Promise<CompletedPart[]> {
  const done: CompletedPart[] = [];
  let failed = false;
  let partNumber = 1;
  let next: Promise<IteratorResult<Buffer>> = Promise.resolve({ value: first });

  function take(): Promise<{ PartNumber: number; part: IteratorResult<Buffer> }> {
    const PartNumber = partNumber++;
    // One after the other: an async iterator gives its parts in the order in which they were asked for.
    const part = next;
    next = part.then((taken) => (taken.done === true || failed ? { done: true, value: undefined } : rest.next()));
    next.catch(() => {});
    return part.then((taken) => ({ PartNumber, part: taken }));
  }

  async function worker(): Promise<void> {
    while (!failed) {
      const { PartNumber, part } = await take();
      if (part.done === true) return;
      const command = new sdk.UploadPartCommand({ ...target, PartNumber, Body: part.value });
      const answer = await client.send(command, signal && { abortSignal: signal });
      spare.push(part.value);
      const { ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 } = answer;
      done.push({ PartNumber, ETag, ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 });
    }
  }

  const outcomes = await Promise.allSettled(
    Array.from({ length: PARALLEL_PARTS }, () =>
      worker().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return done.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
}

/**
 * Cuts a body into parts of exactly `partBytes`, the last one shorter; an empty body is one empty part. What was sent and
 * is put into `spare` is filled again: parts that the collector has not come to would double the peak of memory.
 */
export async function* cutParts(body: Readable, partBytes: number, spare: Buffer[] = []): AsyncGenerator<Buffer> {
  let part: Buffer | undefined;
  let filled = 0;
  let given = 0;
  for await (const piece of body) {
    for (let rest = piece as Buffer; rest.length > 0; ) {
      part ??= spare.pop() ?? Buffer.allocUnsafeSlow(partBytes);
      const copied = rest.copy(part, filled);
      rest = rest.subarray(copied);
      filled += copied;
      if (filled < partBytes) continue;
      yield part;
      given += 1;
      filled = 0;
      part = undefined;
    }
  }
  if (filled > 0 || given === 0) yield part?.subarray(0, filled) ?? Buffer.alloc(0);
}

/** Destroys `body` when the signal aborts, so that a read of it can't wait for ever. Returns how to stop watching. */
export function destroyOnAbort(body: Readable, signal: AbortSignal | undefined): () => void {
  const onAbort = (): void => void body.destroy(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
  signal?.addEventListener("abort", onAbort, { once: true });
  return () => signal?.removeEventListener("abort", onAbort);
}

/** The unfinished uploads of one key. */
export async function* listUploads(
  { sdk, client }: S3Connection,
  { Bucket, Key }: { readonly Bucket: string; readonly Key: string },
  signal: AbortSignal | undefined,
): AsyncGenerator<string | undefined> {
  const markers: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (let more = true; more; ) {
    const command = new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: Key, ...markers });
    const page = await client.send(command, signal && { abortSignal: signal });
    // The prefix also matches longer keys.
    for (const upload of page.Uploads ?? []) if (upload.Key === Key) yield upload.UploadId;
    more = page.IsTruncated === true && page.NextKeyMarker !== undefined;
    markers.KeyMarker = page.NextKeyMarker;
    markers.UploadIdMarker = page.NextUploadIdMarker;
  }
}
