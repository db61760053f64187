import { PassThrough, Writable } from "node:stream";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { messageOf } from "../errors.ts";
import type { ExecResult, ExecTarget } from "./client.ts";
import { type ExecEnding, endingOf, endingOfOpening } from "./exec-status.ts";

/** A hook that prints without end costs no memory. */
const MOST_OUTPUT_BYTES = 64 * 1024;

/** The parts of a WebSocket that are used here. */
interface Connection {
  terminate?(): void;
  close(): void;
  onclose: unknown;
  onerror: unknown;
}

/**
 * Runs a command in a container over a WebSocket (protocol v5 or v4). At the time-out the stream is cut: the command
 * itself may go on in the container, which Kubernetes gives no way to stop.
 * Rejects only with the signal's reason.
 */
export async function execInPod(config: KubeConfig, target: ExecTarget, signal?: AbortSignal): Promise<ExecResult> {
  signal?.throwIfAborted();
  const stdout = createCapture();
  const stderr = createCapture();
  const ended = Promise.withResolvers<ExecEnding>();
  const opening = openExec(config, target, { stdout: stdout.stream, stderr: stderr.stream, end: ended.resolve });
  opening.then(
    (connection) => {
      connection.onclose = () =>
        ended.resolve({ type: "lost", message: "the connection closed before the command ended" });
      connection.onerror = (event: { message?: string }) =>
        ended.resolve({ type: "lost", message: messageOf(event.message ?? "the connection broke") });
    },
    (error: unknown) => ended.resolve(endingOfOpening(error)),
  );
  const timer = setTimeout(() => ended.resolve({ type: "timedOut" }), target.timeoutMs);
  const onAbort = (): void => ended.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const ending = await ended.promise;
    return { ...ending, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    opening.then(hangUp, () => {});
  }
}

interface ExecStreams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly end: (ending: ExecEnding) => void;
}

async function openExec(config: KubeConfig, target: ExecTarget, streams: ExecStreams): Promise<Connection> {
  // imported here: most runs have no hooks, and the WebSocket stack is not small
  const [{ Exec }, { WebSocketHandler }] = await Promise.all([
    import("@kubernetes/client-node/dist/exec.js"),
    import("@kubernetes/client-node/dist/web-socket-handler.js"),
  ]);
  // the handler closes "its" streams when the server says so: by default those would be our own stdout and stderr
  const handler = new WebSocketHandler(config, undefined, {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
  });
  const exec = new Exec(config, handler);
  const { namespace, pod, container, command } = target;
  return exec.exec(namespace, pod, container, [...command], streams.stdout, streams.stderr, null, false, (status) =>
    streams.end(endingOf(status)),
  );
}

function hangUp(connection: Connection): void {
  connection.onclose = null;
  connection.onerror = () => {};
  if (connection.terminate === undefined) connection.close();
  else connection.terminate();
}

function createCapture(): { stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  let length = 0;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const kept = chunk.subarray(0, MOST_OUTPUT_BYTES - length);
      if (kept.length > 0) chunks.push(kept);
      length += kept.length;
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
