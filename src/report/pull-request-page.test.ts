import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyTotals, type PlanEntry, type PlanSummary } from "./plan.ts";
import { createPlanBlocks } from "./plan-markdown.ts";
import { type PullRequestReport, planVerdict, validateVerdict } from "./pull-request.ts";
import { markerText, parseMarker } from "./pull-request-marker.ts";
import { outcomePage } from "./pull-request-outcome.ts";
import { blocksBudget, type PlannedRestore, pullRequestPage } from "./pull-request-page.ts";

const DIGEST = "d".repeat(64);

const REPORT: PullRequestReport = {
  cluster: "prod",
  source: "holdfast/gitops",
  folder: "policies",
  base: { branch: "main", revision: "b".repeat(40) },
  head: { branch: "bring-back", revision: "a".repeat(40) },
  conflicts: [],
  unmergeable: undefined,
  problems: [],
  restores: [],
  policies: [],
  others: [],
};

function restore(parts: Partial<PlannedRestore> = {}): PlannedRestore {
  const summary: PlanSummary = {
    totals: { ...emptyTotals(), create: 3 },
    warnings: 0,
    removedFields: 0,
    digest: DIGEST,
    notes: [],
  };
  const header = { plan: "holdfast/shop", backup: "daily-1", existingResourcePolicy: "none" };
  const at = { name: "holdfast/shop", file: "policies/shop.yaml", line: 1 };
  const rest = { blocks: "", approval: undefined, missingAsOf: undefined };
  return { ...at, type: "planned", header, summary, ...rest, ...parts };
}

function secret(value: string): PlanEntry {
  const changes = [
    { op: "replace", path: "/data/password", before: value, after: `${value}x` },
    { op: "add", path: "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration", after: value },
    { op: "add", path: "/stringData", after: { key: value } },
  ] as const;
  const at = { resource: "secrets", apiVersion: "v1", kind: "Secret", namespace: "shop", name: "db" };
  return { ...at, action: "patch", changes };
}

describe("the comment on a pull request", () => {
  it("says first what will happen, then what to do", () => {
    const page = pullRequestPage({ ...REPORT, restores: [restore()] });

    expect(page.split("\n").slice(0, 3)).toEqual(["### ✅ Holdfast on cluster `prod`", "", "**Plan: 3 to create.**"]);
    expect(page).toMatch(/#### What to do next\n\n- Merge: the restore begins/);
  });

  it("shows the lines to paste where a plan waits for its digest, and none where it has it", () => {
    const waiting = restore({ approval: { wanted: undefined } });
    const stale = restore({ approval: { wanted: "e".repeat(64) } });
    const approved = restore({ approval: { wanted: DIGEST } });
    const lines = `approval:\n  mode: PlanDigest\n  planDigest: ${DIGEST}\n`;

    expect(pullRequestPage({ ...REPORT, restores: [waiting] })).toContain(lines);
    expect(pullRequestPage({ ...REPORT, restores: [stale] })).toContain(lines);
    expect(pullRequestPage({ ...REPORT, restores: [approved] })).not.toContain("mode: PlanDigest");
    const verdicts = [waiting, stale, approved].map((each) => planVerdict({ ...REPORT, restores: [each] }));
    expect(verdicts.map(({ state }) => state)).toEqual(["failure", "failure", "success"]);
    expect(verdicts[1]?.description).toMatch(/stale/);
  });

  it("locates problems, and gives no plan of what is invalid", () => {
    const problem = {
      code: "UnknownField",
      message: "spec.sorce is unknown",
      file: "policies/a.yaml",
      line: 3,
      column: 5,
    } as const;
    const report = { ...REPORT, problems: [problem] };

    expect(pullRequestPage(report)).toContain("- **policies/a.yaml:3:5** spec.sorce is unknown [UnknownField]");
    expect([validateVerdict(report), planVerdict(report)]).toMatchObject([{ state: "failure" }, { state: "failure" }]);
  });

  it("tells what a policy will do", () => {
    const policy = {
      name: "holdfast/shop",
      change: "changed",
      isSuspended: false,
      schedules: [{ name: "daily", cron: "0 2 * * *", next: ["2026-11-26T02:00:00Z"] }],
      covered: ["new"],
      uncovered: ["old"],
      retention: ["schedule daily: new backups are kept for 24h, until now it was 720h"],
    } as const;

    const page = pullRequestPage({ ...REPORT, policies: [policy] });

    for (const text of [
      "next runs 2026-11-26T02:00:00Z",
      "newly covered namespaces: new",
      "no longer covered: old",
      "kept for 24h",
    ])
      expect(page).toContain(text);
  });

  it("fits, and is closed, whatever is in it", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.constantFrom(
        "`".repeat(60),
        "</details>",
        "@team",
        "<!--",
        "-->",
        "```",
        "::error::x",
        "##[error]x",
        "![](http://x)",
        "#1",
      ),
      fc.string({ unit: "grapheme", maxLength: 300 }),
    );
    const entry = fc.record({
      resource: fc.constant("configmaps"),
      apiVersion: fc.constant("v1"),
      kind: fc.constant("ConfigMap"),
      namespace: text,
      name: text,
      action: fc.constantFrom("create", "patch", "skip", "fail", "recreate"),
      message: text,
      changes: fc.array(
        fc.record({
          op: fc.constant("replace" as const),
          path: text.map((part) => `/${part}`),
          before: text,
          after: text,
        }),
        { maxLength: 50 },
      ),
    }) as fc.Arbitrary<PlanEntry>;
    const check = fc.property(
      fc.array(entry, { maxLength: 60 }),
      fc.integer({ min: 1, max: 60 }),
      fc.array(text, { maxLength: 30 }),
      (entries, plans, texts) => {
        const page = pullRequestPage(fullReport(entries, plans, texts));
        expect(Buffer.byteLength(page)).toBeLessThan(60_000);
        expect(withoutFences(page)).not.toMatch(/@team|<!--|-->|!\[\]\(http/);
        const bare = withoutFences(page);
        expect(bare.match(/<details/g)?.length ?? 0).toBe(bare.match(/<\/details>/g)?.length ?? 0);
        expect(page).not.toMatch(/^\s*(?:::|##\[)/m);
      },
    );
    fc.assert(check, { numRuns: 40 });
  });

  it("never shows the value of a Secret", () => {
    const check = fc.property(fc.stringMatching(/^[a-zA-Z0-9+/]{12,60}$/), (value) => {
      const blocks = createPlanBlocks(blocksBudget(1));
      blocks.entry(secret(value));
      const page = pullRequestPage({ ...REPORT, restores: [restore({ blocks: blocks.text() })] });
      expect(page).toContain("/data/password");
      expect(page).not.toContain(value);
    });
    fc.assert(check, { numRuns: 100 });
  });

  it("keeps the reviewed plan below the outcome, however often that changes", () => {
    const line = { name: "a/b", isEnded: false, isGood: true, message: "m", record: undefined, planDigest: undefined };
    const first = outcomePage("prod", [{ ...line, state: "InProgress" }], {
      standing: "### the plan\n\n<details>x</details>",
    });
    const record = "https://forge.example.com/x/src/branch/holdfast/prod/restores/a/b/c/plan.md";
    const ended = { ...line, state: "Completed", isEnded: true, record };
    const second = outcomePage("prod", [ended], { standing: first });

    expect(second).toContain(`[The record](${record})`);
    expect(second.match(/### the plan/g)).toHaveLength(1);
    expect(second).not.toContain("InProgress");
    expect(second.match(/<details/g)?.length).toBe(second.match(/<\/details>/g)?.length);
  });

  it("shows a plan made anew whole, and what was reviewed below it while both fit", () => {
    const message = "the approved plan is stale";
    const line = { name: "a/b", state: "PlanStale", isEnded: false, isGood: false, message, record: undefined };
    const lines = [{ ...line, planDigest: DIGEST }];
    const blocks = createPlanBlocks(blocksBudget(1));
    for (let at = 0; at < 2000; at++) blocks.entry(secret(`value-${at}`));
    const plans = [restore({ name: "a/b", approval: { wanted: "0".repeat(64) }, blocks: blocks.text() })];
    const failed = {
      name: "a/b",
      file: "f",
      line: 1,
      type: "failed",
      code: "KubeUnavailable",
      message: "gone",
    } as const;

    const both = outcomePage("prod", lines, { standing: "### the plan", plans });
    const crowded = outcomePage("prod", lines, { standing: `### the plan ${"x".repeat(30_000)}`, plans });
    const later = outcomePage("prod", lines, { standing: crowded });
    const unplanned = outcomePage("prod", lines, { standing: "### the plan", plans: [failed] });

    expect(both).toContain("Object by object, field by field");
    expect(both).toContain(`planDigest: ${DIGEST}`);
    expect(both).toContain("### the plan");
    expect(Buffer.byteLength(crowded)).toBeLessThan(60_000);
    expect(crowded).toContain("does not fit here any more");
    expect(later.match(/PlanStale/g)).toHaveLength(2);
    expect(unplanned).toContain("Its plan can't be made: gone [KubeUnavailable]");
  });

  it("finds its own marker again, and no marker inside a text", () => {
    const marker = {
      cluster: "prod",
      source: "holdfast/gitops",
      key: DIGEST,
      phase: "open",
      restores: [{ name: "a--b/c", key: "0123456789abcdef" }],
    } as const;

    expect(parseMarker(`${markerText(marker)}\n### text`)).toEqual(marker);
    expect(parseMarker(`text ${markerText(marker)}`)).toBeUndefined();
  });
});

function fullReport(entries: readonly PlanEntry[], plans: number, texts: readonly string[]): PullRequestReport {
  const restores = Array.from({ length: plans }, (_, index) => {
    const blocks = createPlanBlocks(blocksBudget(plans));
    for (const entry of entries) blocks.entry(entry);
    const summary = {
      totals: { ...emptyTotals(), patch: entries.length },
      warnings: 0,
      removedFields: 2,
      digest: DIGEST,
      notes: texts,
    };
    return restore({ name: `n/${index}`, summary, blocks: blocks.text(), approval: { wanted: undefined } });
  });
  const failed = texts.map(
    (message) => ({ name: message, file: message, line: 1, type: "failed", code: "Internal", message }) as const,
  );
  const problems = texts.map(
    (message) => ({ code: "InvalidYaml", message, hint: message, file: message, line: 1, column: 1 }) as const,
  );
  const head = { branch: texts[0] ?? "x", revision: "a".repeat(40) };
  return { ...REPORT, head, restores: [...restores, ...failed], problems, conflicts: texts };
}

/** The page as a renderer sees it outside of code: fences, by the rule of CommonMark, and spans are cut out. */
function withoutFences(page: string): string {
  const kept: string[] = [];
  let fence: string | undefined;
  for (const line of page.split("\n")) {
    const run = /^`{3,}/.exec(line)?.[0];
    if (fence === undefined && run !== undefined) fence = run;
    else if (fence !== undefined && run !== undefined && run.length >= fence.length && /^`+\s*$/.test(line))
      fence = undefined;
    else if (fence === undefined) kept.push(line);
  }
  expect(fence).toBeUndefined();
  return kept.join("\n").replace(/`[^`\n]*`/g, "");
}
