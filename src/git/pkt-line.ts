/** Git's framing (gitprotocol-common): four hex digits of length, then the payload; `0000` is a flush. */

/** One line as sent: its payload, or the flush that ends a section. */
export type PktLine = { readonly type: "line"; readonly payload: Buffer } | { readonly type: "flush" };

export const FLUSH = Buffer.from("0000");
/** Stands between the parts of a version 2 request. */
export const DELIMITER = Buffer.from("0001");

/** Frames a payload of at most 65,516 bytes. */
export function pktLine(payload: string): Buffer {
  const bytes = Buffer.from(payload, "utf8");
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]);
}

/** Cuts a byte stream into lines; bytes that end inside a line are an error, since the answer was cut. */
export async function* readPktLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<PktLine, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = lineLength(rest, at);
      if (rest.length - at < Math.max(length, 4)) break;
      yield length < 4 ? { type: "flush" } : { type: "line", payload: rest.subarray(at + 4, at + length) };
      at += Math.max(length, 4);
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new ProtocolError("the answer ended inside a line");
}

function lineLength(bytes: Buffer, at: number): number {
  const digits = bytes.toString("latin1", at, at + 4);
  if (!/^[0-9a-f]{4}$/i.test(digits)) throw new ProtocolError("the answer is not in Git's line format");
  const length = Number.parseInt(digits, 16);
  if (length === 3) throw new ProtocolError("the answer holds a line of impossible length");
  return length;
}

/** A remote that does not speak Git as documented; callers say which remote it was. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/**
 * Takes the side bands of an answer apart (gitprotocol-capabilities, side-band-64k): yields the data, hands progress to
 * `onProgress`. @throws {ProtocolError} with the remote's words when it reports a fatal error
 */
export async function* readSideBands(
  lines: AsyncIterable<PktLine>,
  onProgress: (text: string) => void,
): AsyncGenerator<Buffer, void, void> {
  for await (const line of lines) {
    if (line.type === "flush") return;
    const band = line.payload[0];
    const content = line.payload.subarray(1);
    if (band === 1) yield content;
    else if (band === 2) onProgress(content.toString("utf8"));
    else throw new ProtocolError(`the remote says: ${content.toString("utf8").trim()}`);
  }
  throw new ProtocolError("the answer ended before its last line");
}
