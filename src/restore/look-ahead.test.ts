import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { LoadedResource } from "./batches.ts";
import type { Candidate } from "./candidates.ts";
import { AHEAD, createLookAhead, type LookAhead } from "./look-ahead.ts";

interface Watched {
  readonly lookAhead: LookAhead;
  /** What was asked for, in order, and what was let go with a `-` before it. */
  readonly seen: string[];
}

function watched(sizes: Readonly<Record<string, number>>, changing?: readonly string[]): Watched {
  const seen: string[] = [];
  const load = async (resource: string): Promise<LoadedResource> => {
    seen.push(resource);
    await turn();
    if (resource === "broken") throw new Error("broken");
    return {
      resource,
      candidates: new Array<Candidate>(sizes[resource] ?? 0),
      batches: async () => [],
      close: async () => {
        seen.push(`-${resource}`);
      },
    };
  };
  return { lookAhead: createLookAhead(Object.keys(sizes), load, new Set(changing)), seen };
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

describe("looking ahead", () => {
  it("gives every resource once, in order, and no more than four before their turn", async () => {
    const { lookAhead, seen } = watched({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 });

    const first = lookAhead.take();
    lookAhead.fill(AHEAD);
    await settle();

    expect([first?.resource, seen.join("")]).toEqual(["a", "abcde"]);
    const rest: string[] = [];
    for (let next = lookAhead.take(); next !== undefined; next = lookAhead.take())
      rest.push((await next.loaded).resource);
    expect(rest.join("")).toBe("bcdefg");
    expect(seen.join("")).toBe("abcdefg");
  });

  it("looks at nothing behind a large one", async () => {
    const { lookAhead, seen } = watched({ a: 1, b: 1_001, c: 1, d: 1 });

    lookAhead.take();
    lookAhead.fill(AHEAD);
    await settle();

    expect(seen).toEqual(["a", "b"]);
  });

  it("looks at nothing behind one that changes what is to be seen, until it was taken", async () => {
    const { lookAhead, seen } = watched({ a: 1, b: 1, c: 1, d: 1 }, ["b"]);

    lookAhead.take();
    lookAhead.fill(AHEAD);
    await settle();
    expect(seen).toEqual(["a", "b"]);
    lookAhead.take();
    lookAhead.fill(AHEAD);
    await settle();
    expect(seen).toEqual(["a", "b"]);

    lookAhead.take();
    lookAhead.fill(AHEAD);
    await settle();
    expect(seen).toEqual(["a", "b", "c", "d"]);
  });

  it("loads again what was forgotten, and lets the first look go", async () => {
    const { lookAhead, seen } = watched({ a: 1, b: 1, c: 1 });
    lookAhead.take();
    lookAhead.fill(AHEAD);
    await settle();

    lookAhead.forget();
    lookAhead.fill(1);
    await settle();

    expect(seen).toEqual(["a", "b", "c", "b", "-b", "-c"]);
    expect(lookAhead.take()?.resource).toBe("b");
    await lookAhead.close();
    expect(lookAhead.take()?.resource).toBe("c");
  });

  it("goes on behind one that could not be loaded", async () => {
    const { lookAhead } = watched({ broken: 1, b: 1 });

    const first = lookAhead.take();
    lookAhead.fill(AHEAD);

    await expect(first?.loaded).rejects.toThrow("broken");
    expect((await lookAhead.take()?.loaded)?.resource).toBe("b");
    await lookAhead.close();
  });
});
