import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import { promisify } from "node:util";
import { gunzip as gunzipCallback } from "node:zlib";
import { createBodyBuffer } from "./body-buffer.ts";
import type { Credentials } from "./credentials.ts";

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
  readonly body: IncomingMessage;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Sends one request and reads the whole answer. Rejects only with the signal's reason. */
export async function exchange(credentials: Credentials, request: HttpRequest): Promise<HttpOutcome> {
  const opened = await open(credentials, request);
  if (opened.type === "lost") return opened;
  const { body, status, headers } = opened;
  try {
    const bytes = await readBody(body, request);
    if (bytes === undefined) return lost("tooLarge", true, new Error(`the answer is over ${request.maxBytes} bytes`));
    return { type: "answered", status, headers, body: await decoded(bytes, headers, request.maxBytes) };
  } catch (error) {
    request.signal?.throwIfAborted();
    return lost(isTimeout(error) ? "timeout" : "reset", true, asError(error));
  } finally {
    opened.done();
  }
}

/** Sends one request and hands over the answer once its head is there. Rejects only with the signal's reason. */
export async function openStream(credentials: Credentials, request: HttpRequest): Promise<HttpStream | HttpLoss> {
  const opened = await open(credentials, request);
  if (opened.type === "lost") return opened;
  opened.body.once("close", opened.done);
  return { type: "streaming", status: opened.status, headers: opened.headers, body: opened.body };
}

interface Opened extends HttpStream {
  /** Takes the time-out away. */
  readonly done: () => void;
}

function open(credentials: Credentials, request: HttpRequest): Promise<Opened | HttpLoss> {
  request.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    let connected = false;
    const client = credentials.origin.protocol === "http:" ? http : https;
    const outgoing = client.request({
      ...credentials.connection,
      method: request.method,
      path: credentials.pathPrefix + request.path,
      headers: requestHeaders(credentials, request),
      agent: credentials.agent,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const giveUpIn = (ms: number) => setTimeout(() => outgoing.destroy(timeoutError(ms)), ms);
    const whole = giveUpIn(request.timeoutMs);
    const head = request.headTimeoutMs === undefined ? undefined : giveUpIn(request.headTimeoutMs);
    let connecting: NodeJS.Timeout | undefined;
    outgoing.once("socket", (socket) => {
      if (outgoing.reusedSocket || !socket.connecting) {
        connected = true;
        return;
      }
      connecting = giveUpIn(CONNECT_TIMEOUT_MS);
      socket.once(client === https ? "secureConnect" : "connect", () => {
        connected = true;
        clearTimeout(connecting);
      });
    });
    outgoing.once("response", (body) => {
      clearTimeout(head);
      resolve({
        type: "streaming",
        status: body.statusCode ?? 0,
        headers: body.headers,
        body,
        done: () => clearTimeout(whole),
      });
    });
    outgoing.on("error", (error) => {
      for (const timer of [connecting, head, whole]) clearTimeout(timer);
      if (request.signal?.aborted) return reject(request.signal.reason);
      resolve(lossOf(error, connected));
    });
    outgoing.end(request.body);
  });
}

function requestHeaders(credentials: Credentials, request: HttpRequest): Record<string, string> {
  const headers = { ...credentials.headers, ...request.headers };
  if (request.body !== undefined) headers["content-length"] = String(request.body.length);
  return headers;
}

/** The whole body in one buffer, or undefined when it is over the limit. Rejects when the connection breaks. */
function readBody(body: IncomingMessage, request: HttpRequest): Promise<Buffer | undefined> {
  const length = Number(body.headers["content-length"] ?? 0);
  if (length > request.maxBytes) {
    body.destroy();
    return Promise.resolve(undefined);
  }
  return new Promise((resolve, reject) => {
    const buffer = createBodyBuffer(length > 0 ? length : (request.expectedBytes ?? 0));
    body.on("data", (chunk: Buffer) => {
      buffer.append(chunk);
      if (buffer.length <= request.maxBytes) return;
      resolve(undefined);
      body.destroy();
    });
    body.once("end", () => resolve(buffer.bytes()));
    body.once("error", reject);
    body.once("close", () => reject(new Error("the connection closed in the middle of the answer")));
  });
}

const gunzip = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzipCallback);

async function decoded(bytes: Buffer, headers: IncomingHttpHeaders, maxBytes: number): Promise<Buffer> {
  return headers["content-encoding"] === "gzip" ? gunzip(bytes, { maxOutputLength: maxBytes }) : bytes;
}

function lossOf(error: Error, connected: boolean): HttpLoss {
  if (isTimeout(error)) return lost("timeout", connected, error);
  if (connected) return lost("reset", true, error);
  return lost(isCertificateError(error) ? "certificate" : "connect", false, error);
}

function lost(why: HttpLoss["why"], sent: boolean, cause: Error): HttpLoss {
  return { type: "lost", why, sent, cause };
}

function timeoutError(ms: number): Error {
  return Object.assign(new Error(`no answer within ${ms} ms`), { code: "ETIMEDOUT" });
}

function isTimeout(error: unknown): boolean {
  return codeOf(error) === "ETIMEDOUT";
}

/** A certificate that doesn't verify stays so however often one asks. */
function isCertificateError(error: Error): boolean {
  return /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|INVALID_CA)/.test(
    codeOf(error) ?? "",
  );
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
