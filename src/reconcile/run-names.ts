import type { RestorePlan } from "../api/kinds.generated.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import { compactTime } from "../clock.ts";

/** Names restore runs. */
export interface RunNames {
  /** `<plan>-<YYYYMMDDhhmmss>` of a time, or of the next second that no other run of this name has. */
  name(plan: ObjectKey, nowMs: number): string;
}

/**
 * One name is one run, whatever its namespace: its folders on this disk and in the bucket go by it, and so do pauses.
 * Plans of one name in several namespaces that are merged in one commit begin in the same second. `plans` are those in
 * the cluster now.
 */
export function createRunNames(plans: () => readonly Pick<RestorePlan, "status">[]): RunNames {
  /** What each plan was given last: it may not stand in a status yet. */
  const given = new Map<string, string>();
  return {
    name: (plan, nowMs) => {
      given.delete(formatKey(plan));
      const taken = new Set([...given.values(), ...plans().map(({ status }) => status?.run?.id)]);
      let atMs = nowMs;
      while (taken.has(runName(plan, atMs))) atMs += 1000;
      given.set(formatKey(plan), runName(plan, atMs));
      return runName(plan, atMs);
    },
  };
}

function runName({ name }: ObjectKey, atMs: number): string {
  return `${name}-${compactTime(atMs)}`;
}
