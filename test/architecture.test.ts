/** The tree keeps its own rules, and each rule is shown to fail on a planted violation. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  importCycles,
  isNoBarrel,
  isPureByPlace,
  isShort,
  isWellNamed,
  keepsItsLayer,
  keepsLibrariesAtHome,
  logsConstantMessages,
  MAY_IMPORT,
  namesItsTodos,
  type Rule,
  readsNoEnvironment,
  type SourceFile,
} from "./architecture/rules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const RULES: Readonly<Record<string, Rule>> = {
  "keeps its layer": keepsItsLayer,
  "keeps libraries at home": keepsLibrariesAtHome,
  "is pure by place": isPureByPlace,
  "reads no environment": readsNoEnvironment,
  "is short": isShort,
  "is well named": isWellNamed,
  "is no barrel": isNoBarrel,
  "names its TODOs": namesItsTodos,
  "logs constant messages": logsConstantMessages,
};

describe("every source file", () => {
  const files = sourceFiles();

  it.each(Object.entries(RULES))("%s", (_name, rule) => {
    const broken = files.flatMap((file) => rule(file).map((problem) => `${file.path}: ${problem}`));

    expect(broken).toEqual([]);
  });

  it("is found: every folder of the table that exists has files in the list", () => {
    const folders = new Set(files.map((file) => file.path.split("/").slice(0, 2).join("/")));

    expect(files.length).toBeGreaterThan(20);
    expect(folders).toContain("src/api");
  });
});

describe("a planted violation fails", () => {
  const planted: readonly (readonly [what: string, rule: Rule, file: SourceFile])[] = [
    ["schedule → kube", keepsItsLayer, at("src/schedule/due.ts", 'import { get } from "../kube/client.ts";')],
    ["api → schedule", keepsItsLayer, at("src/api/validate.ts", 'import type { Due } from "../schedule/due.ts";')],
    ["backup → restore", keepsItsLayer, at("src/backup/plan.ts", 'export { x } from "../restore/plan.ts";')],
    ["storage → kube, lazily", keepsItsLayer, at("src/storage/s3.ts", 'const m = await import("../kube/client.ts");')],
    [
      "kube → git, over several lines",
      keepsItsLayer,
      at("src/kube/a.ts", 'import {\n  a,\n  b,\n} from "../git/repo.ts";'),
    ],
    ["reconcile → cli", keepsItsLayer, at("src/reconcile/a.ts", 'import "../cli/io.ts";')],
    ["kube → main", keepsItsLayer, at("src/kube/a.ts", 'import { x } from "../main.ts";')],
    ["a folder nobody declared", keepsItsLayer, at("src/misc/a.ts", "export const a = 1;")],
    [
      "client-node in restore",
      keepsLibrariesAtHome,
      at("src/restore/a.ts", 'import { KubeConfig } from "@kubernetes/client-node";'),
    ],
    [
      "fast-json-patch beside patch.ts",
      keepsLibrariesAtHome,
      at("src/api/diff.ts", 'import jsonPatch from "fast-json-patch";'),
    ],
    ["the AWS SDK in backup", keepsLibrariesAtHome, at("src/backup/a.ts", 'import { S3 } from "@aws-sdk/client-s3";')],
    ["YAML in storage", keepsLibrariesAtHome, at("src/storage/a.ts", 'import { parse } from "yaml";')],
    ["RE2 in kube", keepsLibrariesAtHome, at("src/kube/a.ts", 'import { RE2JS } from "re2js";')],
    ["a library nobody chose", keepsLibrariesAtHome, at("src/api/a.ts", 'import _ from "lodash";')],
    ["a message with a value in it", logsConstantMessages, at("src/kube/a.ts", "deps.log.info({}, `it took` + ms);")],
    ["a message that is a variable", logsConstantMessages, at("src/kube/a.ts", "log.warn({ a },\n  message);")],
    ["the clock in a plan", isPureByPlace, at("src/restore/plan.ts", "const now = Date.now();")],
    ["the clock in api", isPureByPlace, at("src/api/a.ts", "const now = new Date();")],
    ["chance in schedule", isPureByPlace, at("src/schedule/jitter.ts", "return Math.random();")],
    ["a file in report", isPureByPlace, at("src/report/a.ts", 'import { readFile } from "node:fs/promises";')],
    ["the process in a retention plan", isPureByPlace, at("src/backup/retention-plan.ts", "process.exit(1)")],
    ["the environment in kube", readsNoEnvironment, at("src/kube/a.ts", "const home = process.env.HOME;")],
    ["501 lines", isShort, at("src/kube/a.ts", "x\n".repeat(501))],
    ["a junk drawer", isWellNamed, at("src/kube/string-utils.ts", "")],
    ["a junk folder", isWellNamed, at("src/common/a.ts", "")],
    ["a manager", isWellNamed, at("src/kube/a.ts", "export class LeaseManager {}")],
    ["camel case", isWellNamed, at("src/kube/leaseHolder.ts", "")],
    ["a barrel", isNoBarrel, at("src/kube/all.ts", 'export * from "./a.ts";\nexport { b } from "./b.ts";')],
    ["an index", isNoBarrel, at("src/kube/index.ts", "export const a = 1;")],
    ["a default export", isNoBarrel, at("src/kube/a.ts", "export default function a() {}")],
    ["a nameless open end", namesItsTodos, at("src/kube/a.ts", `// ${"TO"}DO tidy this`)],
  ];

  it.each(planted)("%s", (_what, rule, file) => {
    expect(rule(file)).not.toEqual([]);
  });
});

describe("what is allowed passes", () => {
  const allowed: readonly (readonly [what: string, rule: Rule, file: SourceFile])[] = [
    ["errors anywhere", keepsItsLayer, at("src/api/a.ts", 'import { CodedError } from "../errors.ts";')],
    ["its own folder", keepsItsLayer, at("src/restore/kinds/pod.ts", 'import { a } from "../plan.ts";')],
    ["cli → reconcile", keepsItsLayer, at("src/cli/run.ts", 'import { loop } from "../reconcile/loop.ts";')],
    ["an import in a comment", keepsItsLayer, at("src/api/a.ts", '// import { a } from "../kube/client.ts";')],
    ["a Date of something", isPureByPlace, at("src/api/a.ts", "new Date(ms).toISOString()")],
    ["a clock in a comment", isPureByPlace, at("src/api/a.ts", "/* never Date.now() */")],
    ["hashes in api", isPureByPlace, at("src/api/a.ts", 'import { createHash } from "node:crypto";')],
    ["the plan command", isPureByPlace, at("src/cli/plan.ts", "process.stdout.write('x')")],
    [
      "Kubernetes' own manager",
      isWellNamed,
      at("tools/controller-manager.ts", "export function startControllerManager() {}"),
    ],
    ["500 lines", isShort, at("src/kube/a.ts", "x\n".repeat(500))],
    ["a long generated file", isShort, at("src/api/kinds.generated.ts", "x\n".repeat(5000))],
    ["an open end with its issue", namesItsTodos, at("src/kube/a.ts", `// ${"TO"}DO(#12) tidy this`)],
  ];

  it.each(allowed)("%s", (_what, rule, file) => {
    expect(rule(file)).toEqual([]);
  });
});

describe("files that import each other", () => {
  it("are not in the tree", () => {
    expect(importCycles(sourceFiles())).toEqual([]);
  });

  it("are found when planted, and types may go in circles", () => {
    const a = at("src/kube/a.ts", 'import {\n  b,\n} from "./b.ts";');
    const back = at("src/kube/b.ts", 'export { a } from "./a.ts";');
    const type = at("src/kube/b.ts", 'import type { A } from "./a.ts";');

    expect(importCycles([a, back])).toEqual(["src/kube/a.ts → src/kube/b.ts → src/kube/a.ts"]);
    expect(importCycles([a, type])).toEqual([]);
  });
});

it("no folder of the table may import one that may import it", () => {
  const both = Object.entries(MAY_IMPORT).flatMap(([from, targets]) =>
    targets.filter((to) => MAY_IMPORT[to]?.includes(from)).map((to) => `${from} ↔ ${to}`),
  );

  expect(both).toEqual([]);
});

function at(path: string, text: string): SourceFile {
  return { path, text };
}

function sourceFiles(): SourceFile[] {
  return ["src", "test", "tools", "bench"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
      .filter((path) => path.endsWith(".ts") && !path.includes("node_modules") && !path.startsWith("test/testdata/"))
      .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") })),
  );
}
