/** The examples under `policies/` are valid and say which schema they follow. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { formatProblem } from "../src/api/problem.ts";
import { validateTree } from "../src/api/validate.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FILES = readdirSync(join(ROOT, "policies"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => ({ path: join("policies", name), bytes: readFileSync(join(ROOT, "policies", name)) }));

describe("the examples", () => {
  it("are valid together, without a remark", () => {
    const tree = validateTree(FILES, { defaultNamespace: "holdfast", knownLocations: new Set() });

    expect([...tree.problems, ...tree.warnings].map(formatProblem)).toEqual([]);
    expect(tree.documents).toHaveLength(FILES.length);
  });

  it("show every kind that may stand in Git", () => {
    const { documents } = validateTree(FILES, { defaultNamespace: "holdfast" });

    expect(new Set(documents.map(({ kind }) => kind))).toEqual(
      new Set(["Backup", "BackupPolicy", "BackupStorageLocation", "RestorePlan"]),
    );
  });

  it.each(FILES.map((file) => [file.path, file] as const))("%s names the schema of its kind", (path, file) => {
    const text = new TextDecoder().decode(file.bytes);
    const kind = /^kind: (\w+)$/m.exec(text)?.[1] ?? "";
    const schema = relative(dirname(path), `schemas/${kind.toLowerCase()}.schema.json`);

    expect(text.split("\n")[0]).toBe(`# yaml-language-server: $schema=${schema}`);
  });
});
