import { describe, expect, it } from "vitest";
import type { RestorePlan } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { backupTable } from "./backup-table.ts";
import { restoreTable } from "./restore-table.ts";

const nowMs = Date.parse("2026-11-26T12:00:00Z");
const NAME = "everything-daily-20261120020000";

const backup = {
  apiVersion: "holdfast.dev/v1alpha1",
  kind: "Backup",
  metadata: { name: NAME, namespace: "holdfast" },
  status: {
    phase: "PartiallyFailed",
    errors: 12,
    warnings: 1234,
    progress: { itemsBackedUp: 20236, totalItems: 20236 },
    startTimestamp: "2026-11-20T02:00:00Z",
    expiration: "2026-12-20T02:00:00Z",
    manifestSha256: "0".repeat(64),
  },
} as KubeObject;

const restore = {
  apiVersion: "holdfast.dev/v1alpha1",
  kind: "RestorePlan",
  metadata: { name: "bring-back-the-shop", creationTimestamp: "2026-11-26T09:00:00Z" },
  spec: { source: { backupName: NAME } },
  status: { phase: "PartiallyFailed", errors: 12, warnings: 3, startTimestamp: "2026-11-26T09:00:10Z" },
} as unknown as RestorePlan;

const widest = (table: string): number => Math.max(...table.split("\n").map((line) => line.length));

describe("a table of backups", () => {
  it("fits 80 columns", () => {
    const table = backupTable([backup], { nowMs, wide: false });

    expect(table).toBe(
      "NAME                             STATUS           ERR  WARN  ITEMS  AGE  EXPIRES\n" +
        `${NAME}  PartiallyFailed  12   1234  20236  6d   23d\n`,
    );
    expect(widest(table)).toBe(80);
  });

  it("tells of a backup that is under way how far it is, and leaves out what is not known yet", () => {
    const running = { ...backup, status: { phase: "InProgress", progress: { itemsBackedUp: 3, totalItems: 9 } } };

    expect(backupTable([running], { nowMs, wide: false })).toMatch(/InProgress +0 +0 +3\/9 +<none> +<none>\n$/);
  });

  it("has everything when it is wide", () => {
    const velero = { ...backup, apiVersion: "velero.io/v1", status: { phase: "Completed" } };
    const table = backupTable([backup, velero], { nowMs, wide: true });

    expect(table.split("\n")[0]).toMatch(/^NAME +STATUS +ERRORS +WARNINGS +ITEMS +STARTED +EXPIRES +MADE BY$/);
    expect(table).toContain("20236  2026-11-20T02:00:00Z  2026-12-20T02:00:00Z  Holdfast\n");
    expect(table).toMatch(/Completed .* Velero\n$/);
  });
});

describe("a table of restores", () => {
  it("fits 80 columns", () => {
    const table = restoreTable([restore], { nowMs, wide: false });

    expect(table).toBe(
      `NAME                 BACKUP                           STATUS           ERR  AGE\nbring-back-the-shop  ${NAME}  PartiallyFailed  12   2h\n`,
    );
    expect(widest(table)).toBeLessThanOrEqual(80);
  });

  it("has everything when it is wide", () => {
    const table = restoreTable([restore], { nowMs, wide: true });

    expect(table).toMatch(/^NAME +BACKUP +STATUS +STARTED +COMPLETED +ERRORS +WARNINGS +CREATED\n/);
    expect(table).toMatch(/2026-11-26T09:00:10Z +<none> +12 +3 +2026-11-26T09:00:00Z\n$/);
  });
});
