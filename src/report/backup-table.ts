import { MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import type { BackupStatus } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { ageText, expiryText } from "./age.ts";
import { textTable } from "./table.ts";

const HEAD = ["NAME", "STATUS", "ERR", "WARN", "ITEMS", "AGE", "EXPIRES"];
const WIDE_HEAD = ["NAME", "STATUS", "ERRORS", "WARNINGS", "ITEMS", "STARTED", "EXPIRES", "MADE BY"];

/** Backups line by line, of the cluster or of a bucket: within 80 columns for usual names, or with all there is to say. */
export function backupTable(backups: readonly KubeObject[], options: { nowMs: number; wide: boolean }): string {
  return options.wide
    ? textTable(WIDE_HEAD, backups.map(wideRow))
    : textTable(
        HEAD,
        backups.map((backup) => row(backup, options.nowMs)),
      );
}

function row(backup: KubeObject, nowMs: number): string[] {
  const { startTimestamp, expiration } = statusOf(backup);
  return [...counts(backup), ageText(startTimestamp, nowMs), expiryText(expiration, nowMs)];
}

function wideRow(backup: KubeObject): string[] {
  const { startTimestamp = "", expiration = "" } = statusOf(backup);
  return [...counts(backup), startTimestamp, expiration, maker(backup)];
}

function counts(backup: KubeObject): string[] {
  const { phase = "New", errors = 0, warnings = 0, progress } = statusOf(backup);
  const { itemsBackedUp = 0, totalItems = 0 } = progress ?? {};
  const items = itemsBackedUp === totalItems ? String(itemsBackedUp) : `${itemsBackedUp}/${totalItems}`;
  return [backup.metadata.name, phase, String(errors), String(warnings), items];
}

function maker(backup: KubeObject): string {
  const { manifestSha256, phase } = statusOf(backup);
  const isOurs =
    manifestSha256 !== undefined || backup.metadata.annotations?.[MANIFEST_SHA256_ANNOTATION] !== undefined;
  const isLive = backup.apiVersion.startsWith("holdfast.dev/") && phase !== "Completed" && phase !== "PartiallyFailed";
  return isOurs || isLive ? "Holdfast" : "Velero";
}

function statusOf({ status }: KubeObject): BackupStatus {
  return (status ?? {}) as BackupStatus;
}
