/** The pages of `docs/spec/` name every field of their kind, in Flux's order of sections. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { POLICY_SECTIONS, parseResourcePolicy } from "../src/api/resource-policy.ts";
import { VOLUME_CONDITIONS } from "../src/api/volume-policy.ts";

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly $ref?: string;
}

const ROOT = new URL("..", import.meta.url);
const KINDS = readdirSync(new URL("schemas/", ROOT))
  .map((name) => name.replace(".schema.json", ""))
  .filter((kind) => kind !== "meta" && kind !== "plan-output");

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** Field names of a definition and, for `spec`, of the definitions of the same file that it refers to. */
function fields(definitions: Readonly<Record<string, Schema>>, name: string, isDeep: boolean): string[] {
  const properties = Object.entries(definitions[name]?.properties ?? {});
  return properties.flatMap(([field, { $ref, items }]) => {
    const target = ($ref ?? items?.$ref ?? "").replace("#/definitions/", "");
    return [field, ...(isDeep && definitions[target] !== undefined ? fields(definitions, target, true) : [])];
  });
}

describe.each(KINDS)("docs/spec/%s.md", (kind) => {
  const page = read(`docs/spec/${kind}.md`);
  const { title, definitions } = JSON.parse(read(`schemas/${kind}.schema.json`)) as {
    title: string;
    definitions: Record<string, Schema>;
  };

  it("has its sections in order", () => {
    const sections = [...page.matchAll(/^#{1,2} (.*)$/gm)].map(([, text]) => text);

    expect(sections).toEqual([
      title,
      "Example",
      "Writing a spec",
      expect.stringMatching(`^Working with a ${title}$`),
      "Status",
    ]);
  });

  it("names every field of spec and the top fields of status", () => {
    const named = [...fields(definitions, `${title}Spec`, true), ...fields(definitions, `${title}Status`, false)];
    const missing = named.filter((field) => field !== "observedGeneration" && !new RegExp(`\\b${field}\\b`).test(page));

    expect(missing).toEqual([]);
  });
});

it("docs/spec/backup.md shows a resource policy that is read, with every section and condition of its text", () => {
  const page = read("docs/spec/backup.md");
  const [, policy = ""] = /^```yaml\n(version: v1\n[\s\S]*?)^```/m.exec(page) ?? [];

  expect(parseResourcePolicy({ policy })).toMatchObject({ type: "parsed" });
  for (const section of POLICY_SECTIONS) expect(policy).toContain(`\n${section}:`);
  for (const condition of VOLUME_CONDITIONS) expect(page).toContain(`\`${condition}\``);
});
