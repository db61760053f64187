import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Readable, Transform, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { Fault } from "./fault.ts";

/** Sends status and headers, and gives the stream that takes the body. */
export type Reply = (status: number, headers: OutgoingHttpHeaders) => Writable;

/** Answers a request as it should be answered. Its body comes from `body`, which the fault may have cut. */
export type Upstream = (request: IncomingMessage, body: Readable, reply: Reply) => Promise<void>;

/** One request on its way. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly body: Readable;
  readonly response: ServerResponse;
  readonly upstream: Upstream;
  readonly onStatus: (status: number) => void;
}

/** Lets the upstream answer the request, with the fault in between. Streams both ways and never holds a body. */
export async function runExchange(exchange: Exchange, fault: Fault | undefined): Promise<void> {
  const { request, body, upstream } = exchange;
  const reset = () => cutConnection(request.socket);
  const reply: Reply = (status, headers) => begin(exchange, status, headers);
  switch (fault?.type) {
    case undefined:
      return await upstream(request, body, reply);
    case "delay":
      await sleep(fault.ms);
      return await runExchange(exchange, fault.next);
    case "answer":
      body.resume();
      begin(exchange, fault.status, fault.headers ?? {}).end(fault.body ?? "");
      return;
    case "hang":
      return;
    case "reset":
      reset();
      return;
    case "resetRequest":
      return await upstream(request, body.pipe(cutAfter(fault.afterBytes, reset)), reply);
    case "dropAnswer":
      return await upstream(request, body, () => swallow(reset));
    case "replaceAnswer":
      return await upstream(request, body, () => swallow(() => begin(exchange, fault.status, {}).end()));
    case "stallAnswer":
      return await upstream(request, body, through(withoutLength(reply), stallAfter(fault.afterBytes)));
    case "resetAnswer":
      return await upstream(request, body, through(reply, cutAfter(fault.afterBytes, reset)));
    case "truncateAnswer": {
      const end = cutAfter(fault.afterBytes, () => exchange.response.end());
      return await upstream(request, body, through(withoutLength(reply), end));
    }
  }
}

/** By TCP reset where that can be had (not below TLS, in Node): a client must not take it for a proper end. */
function cutConnection(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function begin({ response, onStatus }: Exchange, status: number, headers: OutgoingHttpHeaders): ServerResponse {
  onStatus(status);
  response.writeHead(status, headers);
  response.flushHeaders(); // a watch may send nothing for minutes, but its client waits for the status
  return response;
}

function through(reply: Reply, stage: Transform): Reply {
  return (status, headers) => {
    stage.pipe(reply(status, headers));
    return stage;
  };
}

/** A declared length would betray the cut; chunked, the answer looks whole. */
function withoutLength(reply: Reply): Reply {
  return (status, headers) => {
    const { "content-length": _, ...rest } = headers;
    return reply(status, rest);
  };
}

/** Passes so many bytes on, then calls `cut` once they are flushed, and swallows the rest. */
function cutAfter(limit: number, cut: () => void): Transform {
  let left = limit;
  let isCut = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed = chunk.subarray(0, left);
      left -= passed.length;
      if (passed.length > 0) this.push(passed);
      if (left === 0 && !isCut) {
        isCut = true;
        setImmediate(cut); // after the bytes that were just passed on
      }
      done();
    },
    // A short answer is over in the same tick: its end must not overtake the cut and make it look whole.
    flush(done) {
      if (!isCut) done();
    },
  }).on("error", () => undefined);
}

/** Passes so many bytes on and swallows the rest; the end never comes. */
function stallAfter(limit: number): Transform {
  let left = limit;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const passed = chunk.subarray(0, left);
      left -= passed.length;
      done(null, passed);
    },
    flush: () => {},
  });
}

function swallow(onEnd: () => void): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(),
    final: (done) => {
      onEnd();
      done();
    },
  });
}
