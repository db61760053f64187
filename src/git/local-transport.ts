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
import { SEARCH_PATH } from "./run-program.ts";
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
  const served = startGit(options, args, protocol);
  meter.requested();
  meter.signal.addEventListener("abort", served.kill, { once: true });
  const input = request.body === undefined ? Buffer.alloc(0) : await collect(request.body);
  meter.sent(input.length);
  // A server that refuses early closes its end; what it said about it comes on its output.
  served.child.stdin.on("error", () => {});
  served.child.stdin.end(input);
  const kind = isAdvertisement ? "advertisement" : "result";
  return {
    url: request.url,
    method: request.method ?? "GET",
    statusCode: 200,
    statusMessage: "OK",
    headers: { "content-type": `application/x-${service}-${kind}` },
    body: readOutput(options, meter, served, isAdvertisement ? service : undefined),
  };
}

interface Served {
  readonly child: ChildProcessWithoutNullStreams;
  /** How it ended: undefined when well. */
  readonly ended: Promise<string | undefined>;
  /** Ends git and what it started: a hook that hangs would outlive it. */
  readonly kill: () => void;
}

function startGit(
  options: LocalTransportOptions,
  args: readonly string[],
  protocol: Readonly<Record<string, string>>,
): Served {
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
  const child = spawn("git", fixed, { env, cwd: "/", detached: true, stdio: ["pipe", "pipe", "pipe"], shell: false });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(errorCode(error) || error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `exit ${code ?? signal}`));
  });
  return { child, ended, kill: () => killGroup(child.pid) };
}

/** A detached child leads a group of its own; once all of it has ended there is nothing to kill. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM"); // git removes its lock files at this signal
  } catch (error) {
    if (errorCode(error) !== "ESRCH") throw error;
  }
}

async function* readOutput(
  options: LocalTransportOptions,
  meter: WireMeter,
  { child, ended, kill }: Served,
  advertised: string | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const { path, limits } = options;
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(0, 2000)));
  if (advertised !== undefined) yield Buffer.concat([pktLine(`# service=${advertised}\n`), FLUSH]);
  let late: CodedError | undefined;
  const idle = setTimeout(() => {
    late = timeoutError(path, limits.idleMs, "without a byte");
    kill();
  }, limits.idleMs);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      idle.refresh();
      meter.received(chunk.length);
      yield chunk;
    }
    const failure = await ended;
    if (late !== undefined) throw late;
    if (meter.signal.aborted) throw cancelled(path, meter.signal.reason);
    if (failure !== undefined) throw explain(path, failure, complaint.trim());
  } finally {
    clearTimeout(idle);
    meter.signal.removeEventListener("abort", kill);
    // Whoever stopped reading early wants no more of it.
    if (child.exitCode === null && child.signalCode === null) kill();
  }
}

function cancelled(path: string, reason: unknown): CodedError {
  if (reason instanceof CodedError) return reason;
  return new CodedError("Cancelled", { what: path }, `the conversation with ${path} was cancelled`, { cause: reason });
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
