/** Velero's configuration as ours, whole folders compared, and all of it validated. UPDATE_GOLDEN=1 rewrites them. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { validateTree } from "../src/api/validate.ts";
import { convert } from "../src/convert/convert.ts";
import { formatNote } from "../src/convert/velero-documents.ts";

const CASES = fileURLToPath(new URL("testdata/convert", import.meta.url));
const NOTES = "notes.txt";

function folder(path: string): Record<string, string> {
  const names = readdirSync(path).sort();
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(path, name), "utf8")]));
}

/** What our validator says of files. */
function problems(files: Readonly<Record<string, string>>): string[] {
  const tree = Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) }));
  return validateTree(tree, { defaultNamespace: "holdfast" }).problems.map(({ file, message }) => `${file} ${message}`);
}

describe.each(readdirSync(CASES))("convert %s", (name) => {
  const original = folder(join(CASES, name, "original"));
  const inputs = Object.entries(original).map(([file, text]) => ({ file, text }));
  const conversion = convert(inputs, "holdfast");
  const told = [...conversion.notes.map(formatNote), ...conversion.problems, `${conversion.ignored} others`];
  const found = { ...Object.fromEntries(conversion.files), [NOTES]: `${told.join("\n")}\n` };

  it("gives the expected files and notes", () => {
    const path = join(CASES, name, "expected");
    if (process.env.UPDATE_GOLDEN === "1") {
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path);
      for (const [file, text] of Object.entries(found)) writeFileSync(join(path, file), text);
    }

    expect(found).toEqual(folder(path));
  });

  it("tells every problem that its files have, and has none but those of the original", () => {
    const { [NOTES]: _notes, ...files } = found;

    expect(conversion.problems).toHaveLength(problems(files).length);
    expect(problems(files).length).toBe(name === "odd" ? 1 : 0);
  });

  it("points at lines that hold the field", () => {
    for (const { file, line, field } of conversion.notes) {
      const last = field.split(".").at(-1) ?? "";
      const text = original[file]?.split("\n")[line - 1];
      expect(`${file}:${line} ${text}`).toContain(/^\w+$/.test(last) && last !== "scheduleName" ? last : "");
    }
  });
});

describe("convert", () => {
  const schedule = (name: string, cron: string, template = "{ includedNamespaces: [a] }"): string =>
    `apiVersion: velero.io/v1\nkind: Schedule\nmetadata: { name: ${name} }\nspec: { schedule: "${cron}", template: ${template} }\n`;
  const policies = (...texts: string[]): string[] =>
    [...convert([{ file: "a.yaml", text: texts.join("---\n") }], "holdfast").files.values()].map((text) => {
      const names = [...text.matchAll(/^ *(?:- )?name: (\S+)/gm)].map(([, name]) => name);
      return names.join(" ");
    });

  it.each([
    ["a shared front", [schedule("shop-hourly", "@hourly"), schedule("shop-daily", "@daily")], ["shop hourly daily"]],
    ["a shared end", [schedule("hourly-shop", "@hourly"), schedule("daily-shop", "@daily")], ["shop hourly daily"]],
    ["nothing shared", [schedule("often", "@hourly"), schedule("seldom", "@monthly")], ["backups often seldom"]],
    ["one alone", [schedule("nightly", "0 2 * * *")], ["nightly daily"]],
    [
      "the reserved name",
      [schedule("shop-manual", "@hourly"), schedule("shop-daily", "@daily")],
      ["shop manual2 daily"],
    ],
    [
      "different templates",
      [schedule("shop", "@daily"), schedule("db", "@daily", "{ includedNamespaces: [db] }")],
      ["shop daily", "db daily"],
    ],
  ])("names a policy and its schedules: %s", (_what, texts, expected) => {
    expect(policies(...texts)).toEqual(expected);
  });

  it("says where a text can't be read, and converts the others", () => {
    const inputs = [
      { file: "bad.yaml", text: "kind: Schedule\n  name: x\n" },
      { file: "good.yaml", text: schedule("shop", "@daily") },
    ];

    const { files, notes } = convert(inputs, "holdfast");

    expect([...files.keys()]).toEqual(["backuppolicy-shop.yaml"]);
    expect(notes).toMatchObject([{ file: "bad.yaml", line: 1, level: "unread" }]);
  });
});
