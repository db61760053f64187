import { spawn } from "node:child_process";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Reply } from "../http/faulty-exchange.ts";
import { gitMissing, HERMETIC_GIT } from "./run-git.ts";

const HEAD_END = Buffer.from("\r\n\r\n");

export interface BackendRequest {
  readonly request: IncomingMessage;
  /** As it arrived, gzip included: the backend inflates it. */
  readonly body: Readable;
  /** The folder of all repositories. */
  readonly root: string;
  /** The authenticated user; undefined for anyone. */
  readonly user: string | undefined;
}

/** Answers one request of the smart HTTP protocol by `git http-backend`, a CGI program. Streams both ways. */
export async function serveGit({ request, body, root, user }: BackendRequest, reply: Reply): Promise<void> {
  const backend = spawn("git", ["http-backend"], { env: cgiEnvironment(request, root, user), stdio: "pipe" });
  const started = Promise.withResolvers<void>();
  backend.on("spawn", started.resolve).on("error", (error) => started.reject(missingOr(error)));
  await started.promise;
  backend.stderr.resume();
  // It may answer, and end, before it has read everything: that is no failure of ours.
  const sending = pipeline(body, backend.stdin).catch(() => undefined);
  try {
    await passAnswer(backend.stdout, reply);
  } finally {
    backend.kill();
    await sending;
  }
}

function cgiEnvironment(request: IncomingMessage, root: string, user: string | undefined): NodeJS.ProcessEnv {
  const url = new URL(request.url ?? "/", "http://localhost");
  const header = (name: string) => request.headers[name]?.toString();
  const optional = {
    CONTENT_LENGTH: header("content-length"),
    HTTP_CONTENT_ENCODING: header("content-encoding"),
    GIT_PROTOCOL: header("git-protocol"),
    REMOTE_USER: user,
  };
  return {
    ...process.env,
    ...HERMETIC_GIT,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: header("content-type") ?? "",
    REMOTE_ADDR: "127.0.0.1",
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** CGI: header lines (one may be `Status`), an empty line, the body. */
async function passAnswer(stdout: Readable, reply: Reply): Promise<void> {
  const chunks: AsyncIterator<Buffer> = stdout[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (!head.includes(HEAD_END)) {
    const { value, done } = await chunks.next();
    if (done === true) throw new Error("git http-backend ended without an answer");
    head = Buffer.concat([head, value]);
  }
  const end = head.indexOf(HEAD_END);
  const { status, headers } = parseHead(head.subarray(0, end).toString("latin1"));
  const rest = head.subarray(end + HEAD_END.length);
  await pipeline(
    async function* () {
      yield rest;
      yield* { [Symbol.asyncIterator]: () => chunks };
    },
    reply(status, headers),
  );
}

function parseHead(text: string): { status: number; headers: OutgoingHttpHeaders } {
  const headers: OutgoingHttpHeaders = {};
  let status = 200;
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "status") status = Number.parseInt(value, 10);
    else headers[name] = value;
  }
  return { status, headers };
}

function missingOr(error: Error): Error {
  return (error as NodeJS.ErrnoException).code === "ENOENT" ? gitMissing() : error;
}
