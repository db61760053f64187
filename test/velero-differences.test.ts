import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { differencesDocument } from "../tools/velero-differences/document.ts";
import { BACKUP_DIFFERENCES } from "./conformance/backup-differences.ts";
import { RULES } from "./conformance/differences.ts";

describe("docs/velero-differences.md", () => {
  it("lists the rules as the conformance runner applies them (node tools/velero-differences/main.ts writes it)", async () => {
    const text = await readFile(join(import.meta.dirname, "..", "docs", "velero-differences.md"), "utf8");

    expect(text).toBe(differencesDocument(RULES, BACKUP_DIFFERENCES));
  });

  it("gives every rule an id of its own", () => {
    const ids = [...RULES, ...BACKUP_DIFFERENCES].map(({ id }) => id);

    expect(new Set(ids).size).toBe(ids.length);
  });
});
