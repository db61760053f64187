/**
 * A local repository, spoken to like a remote one: the `git` binary serves it, so that its locks and hooks hold. Fixed
 * arguments, never a shell, and nothing of the user's own Git configuration.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { CodedError } from "../errors.ts";
import { notGit } from "./advertisement.ts";
import { errorCode } from "./http-errors.ts";
import { FLUSH, pktLine } from "./pkt-line.ts";
import type { GitLimits, GitTraffic } from "./remote.ts";
import {
  startMeter,
  type Transport,
  timeoutError,
  type WireMeter,
  type WireRequest,
  type WireResponse,
} from "./wire.ts";

export interface LocalTransportOptions {
  /** Absolute path of a bare repository, or of one with a work tree. */
  readonly path: string;
  readonly limits: GitLimits;
  readonly searchPath: string | undefined;
  readonly onTraffic: ((traffic: GitTraffic) => void) | undefined;
}

const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";
const SERVICES: Readonly<Record<string, string>> = {
  "git-upload-pack": "upload-pack",
  "git-receive-pack": "receive-pack",
};

/** Serves one local repository by `git upload-pack` and `git receive-pack`, one process per request. */
export function createLocalTransport(options: LocalTransportOptions): Transport {
  const url = options.path;
  return {
    url,
    begin: (operation, signal) => {
      const meter = startMeter({ ...options, url, operation, signal });
      return { url, signal: meter.signal, request: (request) => serve(options, meter, request), end: meter.end };
    },
    close: () => {},
  };
}

async function serve(options: LocalTransportOptions, meter: WireMeter, request: WireRequest): Promise<WireResponse> {
  const { path } = options;
  const suffix = request.url.slice(path.length + 1);
  const isAdvertisement = suffix.startsWith("info/refs?service=");
  const service = isAdvertisement ? suffix.slice("info/refs?service=".length) : suffix;
  const command = SERVICES[service];
  if (command === undefined) throw notGit(path);
  const args = [command, "--stateless-rpc", ...(isAdvertisement ? ["--advertise-refs"] : [])];
  const protocol = request.headers?.["git-protocol"] === "version=2" ? { GIT_PROTOCOL: "version=2" } : {};
  const child = startGit(options, meter.signal, args, protocol);
  meter.requested();
  const input = request.body === undefined ? Buffer.alloc(0) : await collect(request.body);
  meter.sent(input.length);
  // A server that refuses early closes its end; what it said about it comes on its output.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const kind = isAdvertisement ? "advertisement" : "result";
  return {
    url: request.url,
    method: request.method ?? "GET",
    statusCode: 200,
    statusMessage: "OK",
    headers: { "content-type": `application/x-${service}-${kind}` },
    body: readOutput(options, meter, child, isAdvertisement ? service : undefined),
  };
}

function startGit(
  options: LocalTransportOptions,
  signal: AbortSignal,
  args: readonly string[],
  protocol: Readonly<Record<string, string>>,
): ChildProcessWithoutNullStreams {
  // `safe.directory` of the command line: the operator named this path, whoever owns it.
  const fixed = ["-c", `safe.directory=${options.path}`, ...args, "--", options.path];
  const env = {
    PATH: options.searchPath ?? SEARCH_PATH,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    ...protocol,
  };
  const child = spawn("git", fixed, { env, cwd: "/", signal, stdio: ["pipe", "pipe", "pipe"], shell: false });
  child.on("error", () => {}); // told by `exit` below
  return child;
}

async function* readOutput(
  options: LocalTransportOptions,
  meter: WireMeter,
  child: ChildProcessWithoutNullStreams,
  advertised: string | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const { path, limits } = options;
  const ended = exitOf(child);
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(0, 2000)));
  if (advertised !== undefined) yield Buffer.concat([pktLine(`# service=${advertised}\n`), FLUSH]);
  let idle = setTimeout(() => {}, 0);
  const restart = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => child.stdout.destroy(timeoutError(path, limits.idleMs, "without a byte")), limits.idleMs);
  };
  try {
    restart();
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      restart();
      meter.received(chunk.length);
      yield chunk;
    }
  } catch (error) {
    child.kill();
    throw meter.signal.aborted && meter.signal.reason instanceof CodedError ? meter.signal.reason : error;
  } finally {
    clearTimeout(idle);
  }
  const failure = await ended;
  if (meter.signal.aborted) throw meter.signal.reason;
  if (failure !== undefined) throw explain(path, failure, complaint.trim());
}

function exitOf(child: ChildProcessWithoutNullStreams): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(errorCode(error) || error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `exit ${code ?? signal}`));
  });
}

function explain(path: string, failure: string, complaint: string): CodedError {
  if (failure === "ENOENT") {
    return new CodedError(
      "GitUnreachable",
      { url: path },
      "a local repository needs the git binary, and there is none",
    );
  }
  if (/not appear to be a git repository|does not exist|not a git repository/i.test(complaint)) {
    return new CodedError("GitNotFound", { url: path }, `there is no Git repository at ${path}`);
  }
  const said = complaint === "" ? failure : complaint.replaceAll(/\s+/g, " ");
  return new CodedError("GitUnreachable", { url: path }, `git could not serve ${path}: ${said}`);
}

async function collect(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
