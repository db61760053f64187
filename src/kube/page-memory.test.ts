import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBodyBuffer } from "./body-buffer.ts";
import { createPageMemory } from "./page-memory.ts";

const MIB = 1024 * 1024;

describe("page memory", () => {
  it("is used again once it was given back, by whoever it is large enough for", () => {
    const memory = createPageMemory();
    const [small, large] = [memory.take(MIB), memory.take(2 * MIB)];

    memory.give(small.subarray(0, 10));
    memory.give(large.subarray(0, 10));

    expect(memory.take(1.5 * MIB).buffer).toBe(large.buffer);
    expect(memory.take(1.5 * MIB).buffer).not.toBe(small.buffer);
    expect(memory.take(1).buffer).toBe(small.buffer);
  });

  it("takes back only what it gave, and once", () => {
    const memory = createPageMemory();
    const [page, foreign] = [memory.take(MIB), Buffer.allocUnsafeSlow(MIB)];

    for (const each of [foreign, page, page]) memory.give(each);

    expect(memory.take(1).buffer).toBe(page.buffer);
    expect([page.buffer, foreign.buffer]).not.toContain(memory.take(1).buffer);
  });

  it("keeps neither very large pages nor many", () => {
    const memory = createPageMemory();
    const taken = [32 * MIB, ...Array<number>(20).fill(MIB)].map((bytes) => memory.take(bytes));

    for (const page of taken) memory.give(page);
    const again = taken.map(() => memory.take(1).buffer);

    expect(again).not.toContain(taken[0]?.buffer);
    expect(taken.filter(({ buffer }) => again.includes(buffer))).toHaveLength(8);
  });

  it("holds a body as it came, however it came and whatever was there before", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 12 });
    const memory = createPageMemory();
    fc.assert(
      fc.property(sizes, fc.nat(2 * MIB), fc.nat(255), (lengths, expectedBytes, first) => {
        const pieces = lengths.map((length, index) => Buffer.alloc(length, first + index));
        const body = createBodyBuffer(expectedBytes, memory);
        for (const piece of pieces) body.append(piece);
        expect(body.bytes().equals(Buffer.concat(pieces))).toBe(true);
        memory.give(body.bytes());
      }),
      { numRuns: 30 },
    );
  });
});
