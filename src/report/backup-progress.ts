import type { BackupProgress, BackupStatus } from "../api/kinds.generated.ts";
import { isEnded } from "./backup-record.ts";

/** How far a backup is, in words: the total called what it is while it may still grow, then rate and time left. */
export function progressText(progress: BackupProgress | undefined): string {
  const { itemsBackedUp = 0, totalItems = 0 } = progress ?? {};
  return `${itemsBackedUp} of ${totalItems}${progressDetails(progress)}`;
}

/** What goes right behind "done of total" while a backup runs; "" when it doesn't. */
export function progressDetails(progress: BackupProgress | undefined): string {
  const { itemsPerSecond, etaSeconds, resourcesListed = 0, totalResources = 0 } = progress ?? {};
  if (itemsPerSecond === undefined) return "";
  const isFinal = resourcesListed >= totalResources;
  const known = isFinal ? "" : ` known so far (${resourcesListed} of ${totalResources} resources listed)`;
  const eta = etaSeconds === undefined ? "" : `, ${isFinal ? "about" : "at least"} ${etaSeconds} s left`;
  return `${known}, ${itemsPerSecond}/s${eta}`;
}

/** Why a backup does not begin, as `message [reason]`; undefined while nothing is in its way. */
export function obstacleText({ phase, conditions }: BackupStatus): string | undefined {
  if (isEnded(phase)) return undefined;
  const ready = conditions?.find(({ type, status: holds }) => type === "Ready" && holds !== "True");
  return ready === undefined || ready.reason === "Progressing" ? undefined : `${ready.message} [${ready.reason}]`;
}
