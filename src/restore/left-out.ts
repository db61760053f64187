/** What a policy's filters leave out of a restore, told by resource and reason: a person must see what will not come back. */
import type { ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";

/** Objects that are named for one reason. */
const NAMED = 5;

/** Objects of one resource by the reason why they are left out. */
export interface LeftOut {
  add(why: string, key: ObjectKey): void;
  notes(resource: string): string[];
}

export function createLeftOut(): LeftOut {
  const found = new Map<string, { count: number; readonly named: string[] }>();
  return {
    add: (why, key) => {
      const entry = found.get(why) ?? { count: 0, named: [] };
      entry.count += 1;
      if (entry.count <= NAMED) entry.named.push(formatKey(key));
      found.set(why, entry);
    },
    notes: (resource) =>
      [...found].map(([why, { count, named }]) => {
        const more = count > NAMED ? `, and ${count - NAMED} more` : "";
        return `the resource policy leaves out ${count} of ${resource}: ${why} (${named.join(", ")}${more})`;
      }),
  };
}

/** The notes on every resource that was looked at, in their order. */
export function leftOutNotes(all: ReadonlyMap<string, LeftOut>): string[] {
  return [...all].flatMap(([resource, leftOut]) => leftOut.notes(resource));
}
