/** The comment with object data that wants out of it, as the real Gitea renders it. */
import { beforeAll, expect, it } from "vitest";
import { emptyTotals, type PlanEntry } from "../../src/report/plan.ts";
import { createPlanBlocks } from "../../src/report/plan-markdown.ts";
import { blocksBudget, pullRequestPage } from "../../src/report/pull-request-page.ts";
import { type GiteaRepository, useGitea } from "../support/use-gitea.ts";

const gitea = useGitea();
let repository: GiteaRepository;
beforeAll(async () => {
  repository = await gitea.createRepository();
  // what a reference would lead to
  await repository.call({ method: "POST", path: "/issues", body: { title: "an issue" } });
});

function hostile(): readonly string[] {
  const { username } = gitea.admin;
  return [
    "`".repeat(80),
    `~~~\n@${username}`,
    `\`\`\`\n</code></pre></details></details>\n\n# @${username}\n`,
    `--> @${username} #1 ${username}/${repository.name}#1`,
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[a link](https://evil.example.com) ![a picture](https://evil.example.com/x.png) https://evil.example.com",
    `<a href="https://evil.example.com">a link</a>`,
    "a\u0000b\u202ec",
  ];
}

function entryOf(text: string): PlanEntry {
  const changes = [{ op: "replace", path: `/data/${text}`, before: text, after: `${text}x` }] as const;
  const at = { resource: "configmaps", apiVersion: "v1", kind: "ConfigMap", namespace: text, name: text };
  return { ...at, action: "patch", message: text, changes };
}

/** Everything that strangers can put into a comment is hostile. */
function pageOf(texts: readonly string[]): string {
  const blocks = createPlanBlocks(blocksBudget(1));
  for (const text of texts) blocks.entry(entryOf(text));
  const summary = { totals: emptyTotals(), warnings: 1, removedFields: 0, digest: "d".repeat(64), notes: texts };
  const planned = texts.map((text) => ({
    type: "planned" as const,
    name: text,
    file: text,
    line: 1,
    header: { plan: text, backup: text, existingResourcePolicy: "none" },
    summary,
    blocks: blocks.text(),
    approval: undefined,
    missingAsOf: undefined,
  }));
  const problems = texts.map((text) => ({
    code: "UnknownField" as const,
    message: text,
    file: text,
    line: 1,
    column: 1,
  }));
  return pullRequestPage({
    cluster: "prod",
    source: "holdfast/gitops",
    folder: "policies",
    base: { branch: "main", revision: "b".repeat(40) },
    head: { branch: "change", revision: "a".repeat(40) },
    conflicts: texts,
    unmergeable: undefined,
    problems,
    restores: planned.slice(0, 1),
    policies: [],
    others: [],
  });
}

async function rendered(text: string): Promise<string> {
  const context = `${gitea.url}/${repository.owner}/${repository.name}`;
  const answer = await fetch(`${gitea.url}/api/v1/markdown`, {
    method: "POST",
    headers: { authorization: `token ${gitea.admin.token}`, "content-type": "application/json" },
    body: JSON.stringify({ Text: text, Mode: "comment", Context: context }),
  });
  return await answer.text();
}

it("mentions nobody, links nowhere, loads nothing, and leaves no block open", async () => {
  const live = await rendered(
    `@${gitea.admin.username} #1 https://evil.example.com ![p](https://evil.example.com/x.png)`,
  );
  const html = await rendered(pageOf(hostile()));

  const escapes = /class="[^"]*mention|<a\b[^>]*(?:evil|\/issues\/)|<img|<script|<[^>]*\bonerror=/g;
  expect(live.match(escapes)?.length, live).toBeGreaterThanOrEqual(3);
  expect(html.match(escapes), html).toBeNull();
  expect(html).toContain("evil.example.com");
  expect(html.match(/<details/g)?.length).toBe(html.match(/<\/details>/g)?.length);
});
