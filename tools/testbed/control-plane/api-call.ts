import type { IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import { TestbedError } from "../errors.ts";

/** What a client needs to reach an API server. */
export interface ApiConnection {
  /** Such as `https://127.0.0.1:23456`. */
  readonly server: string;
  readonly token: string;
  /** PEM of the certificate authority. */
  readonly ca: string;
}

/** What the API server answered, whatever its status. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body's text. */
  readonly text: string;
}

export interface ApiCallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request and, for a stream, the answer. */
  readonly signal?: AbortSignal;
}

// One pool for the process: a connection costs a TLS handshake, and tests make thousands of requests.
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/**
 * Sends one request and reads the whole answer. An object is sent as JSON, text as it is. It is deliberately not the
 * product's own client: a test must not prove the product with itself.
 */
export async function callApi(
  connection: ApiConnection,
  method: string,
  path: string,
  body?: object | string,
  options: ApiCallOptions = {},
): Promise<ApiAnswer> {
  const response = await openApi(connection, method, path, body, options);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

/** Sends one request and resolves to the answer as a stream, for watches and logs. */
export async function openApi(
  connection: ApiConnection,
  method: string,
  path: string,
  body?: object | string,
  options: ApiCallOptions = {},
): Promise<IncomingMessage> {
  const payload = typeof body === "object" ? JSON.stringify(body) : body;
  const headers: Record<string, string> = { authorization: `Bearer ${connection.token}`, accept: "application/json" };
  if (payload !== undefined) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(Buffer.byteLength(payload));
  }
  const requestOptions: RequestOptions = {
    method,
    agent,
    ca: connection.ca,
    headers: { ...headers, ...options.headers },
    ...(options.signal !== undefined && { signal: options.signal }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(new URL(path, connection.server), requestOptions, resolve).on("error", reject).end(payload);
  return await promise;
}

/**
 * Like `callApi`, for a caller that needs success.
 * @throws {RequestFailed} when the status is not 2xx; the message has the server's own
 */
export async function callApiOk(
  connection: ApiConnection,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const answer = await callApi(connection, method, path, body);
  if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
  throw new TestbedError(
    "RequestFailed",
    `${method} ${path} was answered ${answer.status}: ${answer.text.slice(0, 500)}`,
  );
}
