/** What a plan says of claims that come back: a backup holds the objects of volumes, and no data. */
import type { PlanEntry } from "../report/plan.ts";
import { counted } from "../report/plan-lines.ts";

const CLAIMS = "persistentvolumeclaims";
/** Claims that are named. */
const NAMED = 5;

export interface VolumeNotes {
  add(entry: PlanEntry): void;
  /** None where no claim is made anew. */
  notes(): string[];
}

export function createVolumeNotes(): VolumeNotes {
  const named: string[] = [];
  let claims = 0;
  return {
    add: ({ resource, action, namespace, name }) => {
      if (resource !== CLAIMS || (action !== "create" && action !== "recreate")) return;
      claims += 1;
      if (claims <= NAMED) named.push(`${namespace}/${name}`);
    },
    notes: () => {
      if (claims === 0) return [];
      const more = claims > NAMED ? `, and ${claims - NAMED} more` : "";
      return [
        `${counted(claims, "claim")} would be made anew without data, for Holdfast restores none (${named.join(", ")}${more}): what binds to no volume that still has its data comes up empty`,
      ];
    },
  };
}
