/**
 * Smart HTTP with deadlines. The usual clients have no abort signal, follow redirects with the credentials, and give up
 * after 4 s of silence with Node's own agent. Here each operation ends: at connecting, at silence, at its
 * whole time or its size, whichever comes first.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { getCACertificates } from "node:tls";
import { CodedError } from "../errors.ts";
import { connectionError, errorCode, redirectError, statusError } from "./http-errors.ts";
import type { GitCredentials, GitLimits, GitTraffic } from "./remote.ts";
import {
  startMeter,
  type Transport,
  timeoutError,
  type WireMeter,
  type WireRequest,
  type WireResponse,
} from "./wire.ts";

export interface HttpTransportOptions {
  /** http or https, without credentials, query or fragment, without a slash at the end. */
  readonly url: string;
  readonly credentials: GitCredentials | undefined;
  readonly limits: GitLimits;
  readonly caBundle: string | undefined;
  readonly onTraffic: ((traffic: GitTraffic) => void) | undefined;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 3;
const DETAIL_BYTES = 300;

/** Speaks to one remote over kept-alive connections. */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const secure = options.url.startsWith("https:");
  const ca = options.caBundle === undefined ? undefined : [...getCACertificates("default"), options.caBundle];
  const agent = secure ? new HttpsAgent({ keepAlive: true, ...(ca && { ca }) }) : new HttpAgent({ keepAlive: true });
  return {
    url: options.url,
    begin: (operation, signal) => {
      const meter = startMeter({ ...options, operation, signal });
      const conversation: Conversation = {
        options,
        agent,
        meter,
        base: options.url,
        redirects: 0,
        answered: false,
        ended: undefined,
      };
      return {
        url: options.url,
        signal: meter.signal,
        request: (request) => converse(conversation, request),
        end: meter.end,
      };
    },
    close: () => agent.destroy(),
  };
}

interface Conversation {
  readonly options: HttpTransportOptions;
  readonly agent: HttpAgent | HttpsAgent;
  readonly meter: WireMeter;
  /** Where the repository is: moved by a redirect of the first GET, then for the whole conversation. */
  base: string;
  redirects: number;
  answered: boolean;
  /** Why we ended it: Node tells the reader of a body only that the connection was cut. */
  ended: CodedError | undefined;
}

async function converse(conversation: Conversation, request: WireRequest): Promise<WireResponse> {
  const { options } = conversation;
  const suffix = request.url.slice(options.url.length);
  const headers = { ...request.headers, "user-agent": "git/holdfast", ...authorization(options.credentials) };
  const body = request.body === undefined ? undefined : await collect(request.body);
  const method = request.method ?? "GET";
  for (let attempt = 1; ; attempt++) {
    const target = new URL(conversation.base + suffix);
    const sent = send({ target, method, headers, body, conversation });
    try {
      const answer = await sent.answer;
      if (!REDIRECTS.has(answer.statusCode ?? 0)) return await accept(conversation, request.url, method, answer);
      conversation.base = followRedirect(conversation, method, suffix, answer);
    } catch (error) {
      if (attempt <= MAX_REDIRECTS && sent.staleConnection(error) && !suffix.endsWith("/git-receive-pack")) continue;
      throw failureOf(conversation, error);
    }
  }
}

interface Sending {
  readonly target: URL;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | undefined;
  readonly conversation: Conversation;
}

interface Sent {
  readonly answer: Promise<IncomingMessage>;
  /** Whether a kept-alive connection turned out to be closed before the server saw the request. */
  staleConnection(error: unknown): boolean;
}

function send({ target, method, headers, body, conversation }: Sending): Sent {
  const { options, agent, meter } = conversation;
  const { limits, url } = options;
  const start = target.protocol === "https:" ? httpsRequest : httpRequest;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const settings: RequestOptions = { method, agent, headers: { ...headers, ...length }, signal: meter.signal };
  const outgoing = start(target, settings);
  meter.requested();
  meter.sent(headerBytes(method, target, settings.headers) + (body?.length ?? 0));
  const end = (reason: CodedError): void => {
    conversation.ended = reason;
    outgoing.destroy(reason);
  };
  outgoing.setTimeout(limits.idleMs, () => end(timeoutError(url, limits.idleMs, "without a byte")));
  outgoing.on("socket", (socket) => {
    limitConnecting(socket, target.protocol === "https:", limits.connectMs, end, url);
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
  });
  outgoing.end(body);
  return {
    answer,
    staleConnection: (error) => outgoing.reusedSocket && ["ECONNRESET", "EPIPE"].includes(errorCode(error)),
  };
}

function headerBytes(method: string, target: URL, headers: RequestOptions["headers"]): number {
  const line = `${method} ${target.pathname}${target.search} HTTP/1.1\r\nhost: ${target.host}\r\n\r\n`;
  return Object.entries(headers ?? {}).reduce(
    (sum, [name, value]) => sum + name.length + String(value).length + 4,
    line.length,
  );
}

function limitConnecting(
  socket: Socket,
  secure: boolean,
  connectMs: number,
  fail: (error: CodedError) => void,
  url: string,
): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => fail(timeoutError(url, connectMs, "to connect")), connectMs);
  const stop = (): void => clearTimeout(timer);
  socket.once(secure ? "secureConnect" : "connect", stop);
  socket.once("close", stop);
}

async function accept(
  conversation: Conversation,
  url: string,
  method: string,
  answer: IncomingMessage,
): Promise<WireResponse> {
  const { options } = conversation;
  const body = readBody(conversation, answer);
  const statusCode = answer.statusCode ?? 0;
  if (statusCode !== 200) {
    const detail = await plainDetail(answer, body);
    throw statusError(options.url, statusCode, detail, options.credentials !== undefined) ?? new Error("unreachable");
  }
  conversation.answered = true;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) headers[name] = String(value);
  return { url, method, statusCode, statusMessage: answer.statusMessage ?? "", headers, body };
}

async function* readBody(conversation: Conversation, answer: IncomingMessage): AsyncGenerator<Uint8Array, void, void> {
  const { meter } = conversation;
  meter.received(headBytes(answer));
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      meter.received(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw failureOf(conversation, error);
  }
}

function headBytes(answer: IncomingMessage): number {
  return answer.rawHeaders.reduce((sum, text) => sum + text.length + 2, 17);
}

/** The first line of a plain text answer: forges put the reason of a 403 there. Pages are not quoted. */
async function plainDetail(answer: IncomingMessage, body: AsyncIterable<Uint8Array>): Promise<string> {
  if (!(answer.headers["content-type"] ?? "").startsWith("text/plain")) {
    answer.resume();
    return "";
  }
  let text = "";
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.length > DETAIL_BYTES) break;
  }
  return text.trim().split("\n")[0]?.slice(0, DETAIL_BYTES) ?? "";
}

/** The base that a redirect of the first GET moves us to. @throws {GitRedirectRefused} for any other */
function followRedirect(conversation: Conversation, method: string, suffix: string, answer: IncomingMessage): string {
  const { options } = conversation;
  answer.resume();
  const { location } = answer.headers;
  const refused = redirectError(options.url, location);
  conversation.redirects += 1;
  if (method !== "GET" || conversation.answered || conversation.redirects > MAX_REDIRECTS) throw refused;
  const from = new URL(conversation.base + suffix);
  if (location === undefined || !URL.canParse(location, from.href)) throw refused;
  const to = new URL(location, from);
  // The service must still be asked for, else a login page would be taken for the repository.
  if (to.origin !== from.origin || !to.href.endsWith(suffix)) throw refused;
  return to.href.slice(0, -suffix.length);
}

function authorization(credentials: GitCredentials | undefined): Record<string, string> {
  switch (credentials?.type) {
    case undefined:
      return {};
    case "bearer":
      return { authorization: `Bearer ${credentials.token}` };
    case "token":
      return { authorization: basic(credentials.username ?? "git", credentials.token) };
    case "password":
      return { authorization: basic(credentials.username, credentials.password) };
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

function failureOf({ ended, meter, options }: Conversation, error: unknown): CodedError {
  if (ended !== undefined) return ended;
  if (!meter.signal.aborted) return connectionError(options.url, error);
  const { reason } = meter.signal;
  if (reason instanceof CodedError) return reason;
  const message = `the conversation with ${options.url} was cancelled`;
  return new CodedError("Cancelled", { what: options.url }, message, { cause: reason });
}

/** Some servers hang up on chunked requests, so bodies are sent with their length. */
async function collect(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
