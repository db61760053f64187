import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLUSH, pktLine, readPktLines, readSideBands } from "./pkt-line.ts";

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

describe("pkt-lines", () => {
  it("come back as sent, however the bytes arrive", async () => {
    const texts = fc.array(fc.option(fc.string({ maxLength: 50 })), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 60 }), async (lines, size) => {
        const sent = Buffer.concat(lines.map((line) => (line === null ? FLUSH : pktLine(line))));

        const read = await collect(readPktLines(inChunks(sent, size)));

        expect(read.map((line) => (line.type === "flush" ? null : line.payload.toString()))).toEqual(lines);
      }),
    );
  });

  it.each([
    ["ends inside a line", "000ahel"],
    ["ends inside a length", "00"],
    ["is a web page", "<html>"],
    ["has an impossible length", "0003"],
  ])("are refused when the answer %s", async (_what, text) => {
    await expect(collect(readPktLines(inChunks(Buffer.from(text), 3)))).rejects.toThrow("the answer");
  });
});

describe("side bands", () => {
  const band = (number: number, text: string) => pktLine(String.fromCharCode(number) + text);
  const read = (...parts: Buffer[]) => readPktLines(inChunks(Buffer.concat(parts), 7));

  it("give the data and tell the progress", async () => {
    const told: string[] = [];
    const lines = read(band(1, "PA"), band(2, "50%"), band(1, "CK"), FLUSH);

    const bytes = await collect(readSideBands(lines, (text) => told.push(text)));

    expect([Buffer.concat(bytes).toString(), told]).toEqual(["PACK", ["50%"]]);
  });

  it("fail with the remote's words, and when they end without a flush", async () => {
    const fatal = collect(readSideBands(read(band(1, "PA"), band(3, "out of memory\n")), () => {}));
    const cut = collect(readSideBands(read(band(1, "PA")), () => {}));

    await expect(fatal).rejects.toThrow("out of memory");
    await expect(cut).rejects.toThrow("ended before its last line");
  });
});
