import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { S3Connection } from "./s3-client.ts";
import { s3Status } from "./s3-errors.ts";

/** How a download ends, and how it fails. */
export interface DownloadOptions {
  readonly signal: AbortSignal | undefined;
  /** Makes the error that a reader of the stream sees. */
  readonly translate: (error: unknown) => unknown;
}

/** Tries at going on after a connection broke, counted anew whenever bytes have come. */
const RESUMES = 4;

/** An object being read: what it was at the first answer. */
interface Source {
  readonly Bucket: string;
  readonly Key: string;
}

/**
 * An object as a stream. A connection that breaks in the middle is taken up where it broke, as long as the object is
 * still the same (ETag); the SDK's own retries end where the body begins.
 */
export async function download(connection: S3Connection, source: Source, options: DownloadOptions): Promise<Readable> {
  const { signal } = options;
  const first = await request(connection, source, { signal });
  const pieces = resuming(connection, { ...source, etag: first.etag, size: first.size }, first.body, options);
  return Readable.from(pieces, { objectMode: false, highWaterMark: 256 * 1024, ...(signal && { signal }) });
}

async function* resuming(
  connection: S3Connection,
  source: Source & { readonly etag: string | undefined; readonly size: number },
  first: Readable,
  { signal, translate }: DownloadOptions,
): AsyncGenerator<Buffer> {
  let body = first;
  let offset = 0;
  for (let failures = 0; ; ) {
    const current = body;
    try {
      for await (const chunk of current) {
        offset += (chunk as Buffer).length;
        failures = 0;
        yield chunk as Buffer;
      }
      if (offset >= source.size) return;
      throw new Error(`the answer ended at byte ${offset} of ${source.size}`);
    } catch (error) {
      if (signal?.aborted || source.etag === undefined || ++failures > RESUMES) throw translate(error);
      await sleep(100 * 2 ** failures, undefined, signal && { signal });
      body = await resume(connection, source, { offset, etag: source.etag, signal }, translate);
    } finally {
      current.destroy();
    }
  }
}

async function resume(
  connection: S3Connection,
  source: Source,
  from: { readonly offset: number; readonly etag: string; readonly signal: AbortSignal | undefined },
  translate: DownloadOptions["translate"],
): Promise<Readable> {
  try {
    return (await request(connection, source, from)).body;
  } catch (error) {
    throw translate(error);
  }
}

async function request(
  { sdk, client }: S3Connection,
  { Bucket, Key }: Source,
  from: { readonly offset?: number; readonly etag?: string; readonly signal: AbortSignal | undefined },
): Promise<{ readonly body: Readable; readonly etag: string | undefined; readonly size: number }> {
  const range = from.offset === undefined ? {} : { Range: `bytes=${from.offset}-`, IfMatch: from.etag };
  const answer = await client.send(
    new sdk.GetObjectCommand({ Bucket, Key, ...range }),
    from.signal && { abortSignal: from.signal },
  );
  // Without a length, a body cut short would look whole.
  const size =
    answer.ContentLength ??
    (from.offset === undefined ? await sizeOf({ sdk, client }, { Bucket, Key }, from.signal) : 0);
  return { body: answer.Body as Readable, etag: answer.ETag, size };
}

async function sizeOf({ sdk, client }: S3Connection, source: Source, signal: AbortSignal | undefined): Promise<number> {
  const head = await client.send(new sdk.HeadObjectCommand(source), signal && { abortSignal: signal });
  return head.ContentLength ?? 0;
}

/** The bytes that `bytes 10-19/100` promises. */
function rangeLength(contentRange: string | undefined): number | undefined {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(contentRange ?? "") ?? [];
  return first === undefined ? undefined : Number(last) - Number(first) + 1;
}

/**
 * Up to `length` bytes from `offset`; fewer, or none, where the object ends. A body that breaks off is asked for again.
 */
export async function downloadRange(
  { sdk, client }: S3Connection,
  source: Source & { readonly offset: number; readonly length: number },
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { Bucket, Key, offset, length } = source;
  for (let failures = 0; ; ) {
    const Range = `bytes=${offset}-${offset + length - 1}`;
    try {
      const answer = await client.send(
        new sdk.GetObjectCommand({ Bucket, Key, Range }),
        signal && { abortSignal: signal },
      );
      return await readBody(answer.Body as Readable, answer.ContentLength ?? rangeLength(answer.ContentRange));
    } catch (error) {
      if (s3Status(error) === 416) return Buffer.alloc(0);
      // The SDK has tried again where there was no answer; a body that broke off is ours to repeat.
      if (signal?.aborted || !(error instanceof BrokenBody) || ++failures > RESUMES) throw error;
      await sleep(100 * 2 ** failures, undefined, signal && { signal });
    }
  }
}

class BrokenBody extends Error {}

async function readBody(body: Readable, contentLength: number | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new BrokenBody("the connection broke while a range was read", { cause: error });
  }
  const bytes = Buffer.concat(chunks);
  if (contentLength !== undefined && bytes.length !== contentLength) {
    throw new BrokenBody(`${bytes.length} of ${contentLength} bytes came`);
  }
  return bytes;
}
