import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline, Transform } from "node:stream";
import type { Fault, FaultRule, RecordedCall } from "./fault.ts";
import { runExchange, type Upstream } from "./faulty-exchange.ts";

/** PEM of a certificate for 127.0.0.1 and its key. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface RecordingServerOptions {
  readonly upstream: Upstream;
  /** Serves HTTPS with this identity; plain HTTP without it. */
  readonly tls?: TlsIdentity;
  /** Keeps the text of request bodies; for small ones only. */
  readonly keepBodies?: boolean;
}

/** An HTTP server on a free port of 127.0.0.1 that records every request and fails those that its rule names. */
export class RecordingServer {
  readonly calls: RecordedCall[] = [];
  readonly http: Server;
  readonly #options: RecordingServerOptions;
  #rule: FaultRule = () => undefined;

  constructor(options: RecordingServerOptions) {
    this.#options = options;
    const listener: RequestListener = (request, response) => void this.#serve(request, response);
    this.http = options.tls === undefined ? createServer(listener) : createTlsServer({ ...options.tls }, listener);
    // A watch lives for as long as its client wants; tests with `hang` and `delay` too.
    this.http.requestTimeout = 0;
    this.http.on("clientError", (_error, socket) => socket.destroy());
  }

  async listen(): Promise<void> {
    this.http.listen(0, "127.0.0.1");
    await once(this.http, "listening");
  }

  /** Such as `http://127.0.0.1:23456`. */
  get url(): string {
    const { port } = this.http.address() as AddressInfo;
    return `${this.#options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  }

  /** Sets the rule for the requests to come; without an argument nothing goes wrong any more. */
  setFaults(rule: FaultRule = () => undefined): void {
    this.#rule = rule;
  }

  /** Records a request. Its `requestBytes` and `requestBody` grow while the body passes. */
  record(request: IncomingMessage): RecordedCall {
    const call: RecordedCall = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      index: this.calls.length,
      requestBytes: 0,
      requestBody: "",
      status: undefined,
    };
    this.calls.push(call);
    return call;
  }

  /** What the rule says about a call. */
  async faultFor(call: RecordedCall): Promise<Fault | undefined> {
    return await this.#rule(call);
  }

  /** Closes every connection, also those in use. */
  async stop(): Promise<void> {
    const closed = once(this.http, "close");
    this.http.close();
    this.http.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = this.record(request);
    response.on("error", () => undefined);
    const exchange = {
      request,
      response,
      body: pipeline(request, counter(call, this.#options.keepBodies === true), () => undefined),
      upstream: this.#options.upstream,
      onStatus: (status: number) => {
        call.status = status;
      },
    };
    try {
      await runExchange(exchange, await this.faultFor(call));
    } catch {
      // The upstream broke: so does the connection, and the client sees what it would see without us.
      request.socket.destroy();
    }
  }
}

function counter(call: RecordedCall, keep: boolean): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      call.requestBytes += chunk.length;
      if (keep) call.requestBody += chunk.toString("utf8");
      done(null, chunk);
    },
  });
}
