import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyTotals, PLAN_ACTIONS, type PlanEntry, type PlanHeader, type PlanSummary } from "./plan.ts";
import { createPlanJsonRenderer } from "./plan-json.ts";
import { createPlanMarkdownRenderer, escapeMarkdown, MARKDOWN_LIMIT_BYTES } from "./plan-markdown.ts";
import { createPlanTextRenderer } from "./plan-text.ts";

const HEADER: PlanHeader = {
  plan: "holdfast/shop",
  backup: "shop-daily-20260102030405",
  existingResourcePolicy: "update",
};

function entry(changes: Partial<PlanEntry>): PlanEntry {
  return {
    resource: "configmaps",
    apiVersion: "v1",
    kind: "ConfigMap",
    namespace: "shop",
    name: "a",
    action: "create",
    ...changes,
  };
}

function summaryOf(entries: readonly PlanEntry[]): PlanSummary {
  const totals = emptyTotals();
  for (const { action } of entries) totals[action]++;
  return { totals, warnings: 0, removedFields: 0, digest: "0".repeat(64), notes: [] };
}

function text(entries: readonly PlanEntry[], width = 80, colours = false): string {
  const renderer = createPlanTextRenderer({ width, colours });
  return [
    renderer.header(HEADER),
    ...entries.map((each) => renderer.entry(each)),
    renderer.end(summaryOf(entries)),
  ].join("");
}

function markdown(entries: readonly PlanEntry[], header = HEADER, notes: readonly string[] = []): string {
  const renderer = createPlanMarkdownRenderer();
  for (const each of entries) renderer.entry(each);
  return renderer.end(header, { ...summaryOf(entries), notes });
}

describe("a plan as text", () => {
  it("reads like Terraform's", () => {
    const entries = [
      entry({ name: "new" }),
      entry({ name: "same", action: "unchanged" }),
      entry({ name: "same-too", action: "unchanged" }),
      entry({
        name: "drifted",
        action: "patch",
        changes: [
          { op: "replace", path: "/data/color", before: "red", after: "blue" },
          { op: "remove", path: "/data/extra", before: "x" },
        ],
      }),
      entry({ name: "frozen", action: "fail", reason: "Immutable", message: "field is immutable" }),
    ];

    expect(text(entries)).toBe(
      [
        "Restore plan holdfast/shop",
        "  backup             shop-daily-20260102030405",
        "  existing objects   update",
        "",
        "  + ConfigMap shop/new",
        "  = 2 unchanged",
        "  ~ ConfigMap shop/drifted",
        '      ~ /data/color: "red" → "blue"',
        '      - /data/extra: "x" (only in the cluster)',
        "  ! ConfigMap shop/frozen  (Immutable)",
        "      field is immutable",
        "",
        "Plan: 1 to create, 1 to patch, 2 unchanged, 1 will fail.",
        `Plan digest: ${"0".repeat(64)}`,
        "",
      ].join("\n"),
    );
  });

  it("keeps a difference in sight where the values are long", () => {
    const image = (tag: string): string => `registry.example.org/${"deep/".repeat(12)}web:${tag}`;
    const lines = text([
      entry({
        action: "patch",
        changes: [{ op: "replace", path: "/spec/image", before: image("1"), after: image("2") }],
      }),
    ]).split("\n");

    expect(lines.find((line) => line.trim().startsWith("-"))).toMatch(/web:1"$/);
    expect(lines.find((line) => line.trim().startsWith("+ …"))).toMatch(/web:2"$/);
  });

  it("withholds the values of Secrets, wherever they stand, and shows no unkeyed digest", () => {
    const changes = [
      { op: "replace" as const, path: "/data/password", before: "aHVudGVyMg==", after: "czNjcjN0" },
      {
        op: "add" as const,
        path: "/metadata/annotations",
        after: { "kubectl.kubernetes.io/last-applied-configuration": "hunter2" },
      },
    ];
    const secret = entry({ resource: "secrets", kind: "Secret", action: "patch", changes });
    const printed = [text([secret]), markdown([secret]), createPlanJsonRenderer().entry(secret)].join("");

    expect(printed).not.toMatch(/aHVudGVyMg|czNjcjN0|hunter2/);
    expect(printed).not.toContain("sha256:");
  });

  it.each([80, 120])("keeps to %d columns", (width) => {
    fc.assert(
      fc.property(anyEntry, (each) => {
        for (const line of text([each], width).split("\n")) expect([...line].length).toBeLessThanOrEqual(width);
      }),
    );
  });

  it.each([80, 120])("ends with totals that keep to %d columns", (width) => {
    const entries = PLAN_ACTIONS.flatMap((action) => Array.from({ length: 12 }, () => entry({ action })));

    const lines = text(entries, width).split("\n");

    expect(lines.filter((line) => [...line].length > width)).toEqual([]);
    expect(lines.join(" ")).toContain(
      "Plan: 12 to create, 12 to patch, 12 to label, 12 to recreate, 12 to delete, 12 unchanged, 12 skipped, 12 will fail.",
    );
  });

  it("writes no control character that it did not mean", () => {
    const hostile = entry({
      action: "patch",
      changes: [{ op: "add", path: "/data/x\u001b[2J", after: "\u001b]0;pwned\u0007\u009b31m\r\n::error::x" }],
    });

    expect(text([hostile]).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(text([hostile])).not.toMatch(/^::/m);
  });
});

describe("a plan as Markdown", () => {
  it("stays within the limit, with every block closed, whatever the content", () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 30 }),
        fc.string({ unit: "binary", maxLength: 2000 }),
        fc.integer({ min: 1, max: 400 }),
        (entries, wild, times) => {
          const many = Array.from({ length: times }, () => entries).flat();
          const header = { ...HEADER, plan: wild, backup: wild, location: wild, namespaceMapping: { [wild]: wild } };

          const output = markdown(
            many,
            header,
            Array.from({ length: 40 }, () => wild),
          );

          expect(Buffer.byteLength(output)).toBeLessThanOrEqual(MARKDOWN_LIMIT_BYTES);
          expect(output.match(/<details/g)?.length ?? 0).toBe(output.match(/^<\/details>$/gm)?.length ?? 0);
          expect(fencesClose(output)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("lets no backtick run in a value end the block", () => {
    const value = "``````\n</details><img src=x onerror=alert(1)> @everyone";
    const output = markdown([entry({ action: "patch", changes: [{ op: "add", path: "/data/a", after: value }] })]);

    expect(output).toContain("```````diff");
    expect(fencesClose(output)).toBe(true);
  });

  it("neutralises mentions, HTML, links and commands outside the blocks", () => {
    const escaped = escapeMarkdown("@everyone <b> [x](http://evil) #12 `y` !z\n::set-output ##[error]");

    expect(escaped).not.toMatch(/[@<>`\n]|(?<!\\)[[\]]|(?<!&)#\d|http:\/\//);
    const rendered = escaped.replaceAll(/&#(\d+);/g, (_entity, code: string) => String.fromCodePoint(Number(code)));
    expect(rendered).not.toMatch(/[@#!]\w/); // forges look at what they rendered
  });
});

describe("a plan as JSON", () => {
  it.each<[string, PlanHeader]>([
    ["restore", HEADER],
    ["undo", { plan: "holdfast/back", backup: "shop-1-safety", location: "main", undoOf: "shop-20260102030405" }],
  ])("of a %s is one document that lists every object", (_what, header) => {
    const renderer = createPlanJsonRenderer();
    const changes = [{ op: "replace" as const, path: "/data/password", before: "YQ==", after: "Yg==" }];
    const entries = PLAN_ACTIONS.map((action) => entry({ action, resource: "secrets", kind: "Secret", changes }));
    const output = [
      renderer.header(header),
      ...entries.map((each) => renderer.entry(each)),
      renderer.end(summaryOf(entries)),
    ].join("");

    const parsed = JSON.parse(output) as { version: number; objects: PlanEntry[]; summary: PlanSummary };

    const schema = JSON.parse(
      readFileSync(new URL("../../schemas/plan-output.schema.json", import.meta.url), "utf8"),
    ) as object;
    const validate = new Ajv({ strict: true }).compile(schema);
    expect(validate(parsed), JSON.stringify(validate.errors)).toBe(true);
    expect(parsed.objects.map(({ action }) => action)).toEqual(PLAN_ACTIONS);
    expect(parsed.summary.totals.create).toBe(1);
  });
});

const anyText = fc.string({ unit: "binary", maxLength: 300 });
const anyEntry: fc.Arbitrary<PlanEntry> = fc.record({
  resource: fc.constantFrom("configmaps", "secrets"),
  apiVersion: fc.constant("v1"),
  kind: fc.constantFrom("ConfigMap", "Secret"),
  namespace: anyText,
  name: anyText,
  action: fc.constantFrom(...PLAN_ACTIONS),
  message: anyText,
  warnings: fc.array(anyText, { maxLength: 3 }),
  changes: fc.array(
    fc.oneof(
      fc.record({
        op: fc.constant("add" as const),
        path: anyText,
        after: fc.oneof(anyText, fc.constant("```` ``` ````")),
      }),
      fc.record({ op: fc.constant("remove" as const), path: anyText, before: anyText }),
      fc.record({ op: fc.constant("replace" as const), path: anyText, before: anyText, after: anyText }),
    ),
    { maxLength: 60 },
  ),
});

/** Walks the lines as CommonMark does: a fence ends only at one at least as long. */
function fencesClose(output: string): boolean {
  let open: string | undefined;
  for (const line of output.split("\n")) {
    const fence = /^(`{3,})/.exec(line)?.[1];
    if (fence === undefined) continue;
    if (open === undefined) open = fence;
    else if (fence.length >= open.length && line === fence) open = undefined;
  }
  return open === undefined;
}
