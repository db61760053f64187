import { Readable } from "node:stream";
import type { Flow, Sent } from "./dispatch.ts";

/** A body as it comes from the wire, read as a stream. */
export interface BodyStream {
  readonly body: Readable;
  push(chunk: Buffer): void;
  end(): void;
}

/** The exchange waits while nobody reads, and is aborted when the reader has had enough of it. */
export function createBodyStream({ flow, abort }: Sent & { readonly flow: Flow }): BodyStream {
  const body = new Readable({
    read: () => flow.resume(),
    destroy(error, done) {
      abort(error ?? new Error("the body is not read to its end"));
      done(error);
    },
  });
  return {
    body,
    push(chunk) {
      if (!body.push(chunk)) flow.pause();
    },
    end: () => void body.push(null),
  };
}
