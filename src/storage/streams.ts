/** Small stream pieces that every store and reader needs. */

import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";

/** All bytes of a stream. The stream's error is thrown as it is. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** Frees a body that will not be read; harmless on bytes. */
export function discard(body: Uint8Array | Readable): void {
  if (body instanceof Readable) {
    body.on("error", () => {});
    body.destroy();
  }
}

/** What passed through: size and digest, final once the stream has ended. */
export interface Tally {
  readonly stream: Transform;
  /** True once the last byte has passed. */
  readonly ended: boolean;
  /** Ends the digest: call once, after the stream. */
  result(): { readonly sizeBytes: number; readonly sha256: string };
}

/** A pass-through that counts and hashes. */
export function createTally(): Tally {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  let ended = false;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      ended = true;
      done();
    },
  });
  return {
    stream,
    get ended() {
      return ended;
    },
    result: () => ({ sizeBytes, sha256: hash.digest("hex") }),
  };
}
