import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip as gunzipCallback } from "node:zlib";
import { createBodyBuffer } from "./body-buffer.ts";
import { type BodyStream, createBodyStream } from "./body-stream.ts";
import type { Credentials } from "./credentials.ts";
import { send } from "./dispatch.ts";
import type { PageMemory } from "./page-memory.ts";

/** One exchange with the API server as bytes. Knows HTTP and time-outs; knows nothing of objects, retries or limits. */
export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query, below the server's own path prefix. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** The whole exchange, in ms. */
  readonly timeoutMs: number;
  /** Until the answer's head is there, in ms; for answers that then go on for long. */
  readonly headTimeoutMs?: number;
  /** A longer body ends the exchange as `tooLarge`, in bytes. */
  readonly maxBytes: number;
  /** The body's likely size in bytes, so that it is read into one piece of memory. */
  readonly expectedBytes?: number;
  /** Where the body of a page may be put. */
  readonly memory?: PageMemory;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly type: "answered";
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No answer. `sent` is false where the server can't have seen the request, so that repeating it is safe. */
export interface HttpLoss {
  readonly type: "lost";
  readonly why: "connect" | "certificate" | "reset" | "timeout" | "tooLarge";
  readonly sent: boolean;
  readonly cause: Error;
}

export type HttpOutcome = HttpAnswer | HttpLoss;

/** An answer whose body is still on the wire. The caller destroys `body`. */
export interface HttpStream {
  readonly type: "streaming";
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** Sends one request and reads the whole answer. Rejects only with the signal's reason. */
export async function exchange(credentials: Credentials, request: HttpRequest): Promise<HttpOutcome> {
  const received = await receive(credentials, request);
  if (received.type === "lost" || received.headers["content-encoding"] !== "gzip") return received;
  try {
    return { ...received, body: await gunzip(received.body, { maxOutputLength: request.maxBytes }) };
  } catch (error) {
    return { type: "lost", why: "reset", sent: true, cause: error as Error };
  }
}

/** Sends one request and hands over the answer once its head is there. Rejects only with the signal's reason. */
export function openStream(credentials: Credentials, request: HttpRequest): Promise<HttpStream | HttpLoss> {
  return new Promise((resolve, reject) => {
    let stream: BodyStream | undefined;
    const sent = send(credentials, request, {
      onHead(status, headers, flow) {
        stream = createBodyStream({ ...sent, flow });
        resolve({ type: "streaming", status, headers, body: stream.body });
      },
      onChunk: (chunk) => stream?.push(chunk),
      onEnd: () => stream?.end(),
      onLost(loss) {
        if (stream !== undefined) stream.body.destroy(loss.cause);
        else if (request.signal?.aborted) reject(request.signal.reason);
        else resolve(loss);
      },
    });
  });
}

function receive(credentials: Credentials, request: HttpRequest): Promise<HttpOutcome> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    let buffer = createBodyBuffer(0);
    const tooLarge = (): void => {
      const cause = new Error(`the answer is over ${request.maxBytes} bytes`);
      resolve({ type: "lost", why: "tooLarge", sent: true, cause });
      sent.abort(cause);
    };
    const sent = send(credentials, request, {
      onHead(code, fields) {
        status = code;
        headers = fields;
        const length = Number(fields["content-length"] ?? 0);
        buffer = createBodyBuffer(length > 0 ? length : (request.expectedBytes ?? 0), request.memory);
        if (length > request.maxBytes) tooLarge();
      },
      onChunk(chunk) {
        buffer.append(chunk);
        if (buffer.length > request.maxBytes) tooLarge();
      },
      onEnd: () => resolve({ type: "answered", status, headers, body: buffer.bytes() }),
      onLost(loss) {
        if (request.signal?.aborted) reject(request.signal.reason);
        else resolve(loss);
      },
    });
  });
}

const gunzip = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzipCallback);
