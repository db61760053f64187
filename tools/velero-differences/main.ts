/** Writes the document. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BACKUP_DIFFERENCES } from "../../test/conformance/backup-differences.ts";
import { RULES } from "../../test/conformance/differences.ts";
import { differencesDocument } from "./document.ts";

await writeFile(
  join(import.meta.dirname, "..", "..", "docs", "velero-differences.md"),
  differencesDocument(RULES, BACKUP_DIFFERENCES),
);
