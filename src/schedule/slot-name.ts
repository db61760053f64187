/** Names of backups: they say which policy, schedule and slot they are of, so that no slot can be run twice. */
import { compactTime } from "../clock.ts";

/** The schedule name of backups on demand; no schedule may carry it. */
export const MANUAL = "manual";

export interface SlotName {
  readonly policy: string;
  readonly schedule: string;
  /** Ms since the epoch; whole seconds. */
  readonly slotMs: number;
  readonly namespace: string;
}

/** `<policy>-<schedule>-<YYYYMMDDhhmmss>`, with `<namespace>.` in front outside Holdfast's own namespace. */
export function backupName({ policy, schedule, slotMs, namespace }: SlotName, ownNamespace: string): string {
  const prefix = namespace === ownNamespace ? "" : `${namespace}.`;
  return `${prefix}${policy}-${schedule}-${compactTime(slotMs)}`;
}

/** The parts of such a name, or undefined for any other. A made-up run keeps its slot's name with `-r<n>` behind it. */
export function parseBackupName(
  name: string,
  ownNamespace: string,
): (SlotName & { readonly rerun: number }) | undefined {
  const match = /^(?:([a-z0-9-]+)\.)?([^.]+)-([a-z0-9]{1,20})-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:-r(\d+))?$/.exec(
    name,
  );
  if (match === null) return undefined;
  const [, namespace = ownNamespace, policy = "", schedule = "", ...time] = match;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, rerun = 0] = time.map((part) =>
    Number(part ?? 0),
  );
  const slotMs = Date.UTC(year, month - 1, day, hour, minute, second);
  if (!isWritten(new Date(slotMs), { month, day, hour, minute, second })) return undefined;
  return { namespace, policy, schedule, slotMs, rerun };
}

/** False where the calendar had to carry over, as from the 31st of a short month. */
function isWritten(
  time: Date,
  { month, day, hour, minute, second }: Readonly<Record<"month" | "day" | "hour" | "minute" | "second", number>>,
): boolean {
  return time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
}
