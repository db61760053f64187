import { describe, expect, it } from "vitest";
import { ahead } from "./ahead.ts";

async function* numbers(until: number, made: number[], failAt = -1): AsyncGenerator<number, void, void> {
  for (let number = 0; number < until; number++) {
    await Promise.resolve();
    if (number === failAt) throw new Error("broken");
    made.push(number);
    yield number;
  }
}

describe("reading ahead", () => {
  it("gives every item once, in order", async () => {
    const seen: number[] = [];

    for await (const number of ahead(numbers(100, []), 7)) seen.push(number);

    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it("works ahead, and no further than asked", async () => {
    const made: number[] = [];

    for await (const number of ahead(numbers(100, made), 5)) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(made.length).toBe(Math.min(100, number + 6));
      if (number === 20) break;
    }
  });

  it("passes a failure on where it stands, after what came before it", async () => {
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const number of ahead(numbers(10, [], 4), 8)) seen.push(number);
    };

    await expect(reading()).rejects.toThrow("broken");
    expect(seen).toEqual([0, 1, 2, 3]);
  });
});
