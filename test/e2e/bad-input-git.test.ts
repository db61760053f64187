import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { NewFile } from "../../tools/testbed/git/fast-import.ts";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type Ended, policyYaml, useInstallation } from "./run-fixture.ts";

/**
 * Many sources in one cluster, each with a repository of its own. All are applied once; then each is broken in its own
 * way, and one run meets all of them: so a row also proves that its neighbours do not hinder it.
 */
const cluster = usePrivateCluster();
const git = useGitServer({ credentials: { username: "ada", password: "right" } });
const holdfast = useInstallation(cluster, { per: "file" });

/** Files of a commit; null deletes one. */
type Files = Readonly<Record<string, NewFile>>;

interface Expected {
  /** Of the condition `Ready=False`. */
  readonly reason: string;
  readonly message: RegExp;
  /** Stalled: only a new commit helps. Else it is tried again. */
  readonly stalled: boolean;
}

/** A policy that never runs in a test. */
function policy(name: string): string {
  return policyYaml(holdfast.namespace, name, "default")
    .replace('"@every 1h"', '"@yearly"')
    .replace("firstRun: Immediate", "firstRun: Slot");
}

const bomb = (name: string): string =>
  `apiVersion: holdfast.dev/v1alpha1
kind: BackupPolicy
metadata: {name: ${name}}
a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f]
spec: [*g, *g, *g, *g, *g, *g, *g, *g, *g]
`;

/** One bad file each: where, what, and what to do. `validate` says the same of the same file. */
const BAD_FILES: readonly (readonly [name: string, bad: (name: string) => Files, said: RegExp])[] = [
  [
    "malformed YAML",
    (name) => ({ "bad.yaml": policy(name).replace("schedules:", "schedules: [") }),
    /bad\.yaml:8:5: .*not valid YAML: .* \[InvalidYaml\]/s,
  ],
  [
    "an unknown field",
    (name) => ({ "bad.yaml": policy(name).replace("schedules:", "schedule:") }),
    /bad\.yaml:7:3: .*unknown field "spec\.schedule".*did you mean "schedules"\?/s,
  ],
  [
    "a wrong type",
    (name) => ({ "bad.yaml": policy(name).replace("  template:", '  suspend: "yes"\n  template:') }),
    /bad\.yaml:12:12: .*spec\.suspend must be true or false, not the text "yes"/s,
  ],
  [
    "a duplicate object",
    (name) => ({ "bad.yaml": policy(name), "bad-too.yaml": policy(name) }),
    /bad-too\.yaml:4:9: .*BackupPolicy \S+ is declared here and at \S*bad\.yaml:1.*keep one of the two/s,
  ],
  [
    "a file over 1 MiB",
    (name) => ({ "bad.yaml": policy(name) + "#".repeat(1024 * 1024) }),
    /bad\.yaml:1:1: .*larger than 1 MiB.*split it into several files/s,
  ],
  ["an alias bomb", (name) => ({ "bad.yaml": bomb(name) }), /bad\.yaml:6:8: .*more than 100 aliases/s],
  [
    "a symbolic link",
    () => ({ "bad.yaml": { mode: "120000", content: "/etc/passwd" } }),
    /bad\.yaml:1:1: .*symbolic link.*put the file itself here/s,
  ],
];

/** One broken repository or remote each. */
const BROKEN: readonly (readonly [
  name: string,
  break_: (broken: HostedRepository, source: string) => Promise<unknown>,
  Expected,
])[] = [
  [
    "a path that is gone",
    async ({ repository }) => await repository.commit({ files: { "policies/a.yaml": null, "README.md": "moved\n" } }),
    { reason: "GitPathMissing", message: /^there is no policies at [0-9a-f]{12}/, stalled: true },
  ],
  [
    "a tree without a document of ours",
    async ({ repository }) => await repository.commit({ files: { "policies/a.yaml": "a: 1\n" } }),
    { reason: "NoDocuments", message: /no document of holdfast\.dev under policies .* never taken for/, stalled: true },
  ],
  [
    "a branch that is gone",
    async ({ repository }) => {
      await repository.setBranch("other", "main");
      await repository.deleteBranch("main");
    },
    { reason: "GitBranchMissing", message: /main.*/, stalled: true },
  ],
  [
    "an empty repository",
    async ({ repository }) => {
      for (const branch of await repository.branches()) await repository.deleteBranch(branch);
    },
    { reason: "GitEmpty", message: /empty|no commit/, stalled: true },
  ],
  [
    "a repository that is gone",
    async ({ repository }) => await rm(repository.path, { recursive: true }),
    { reason: "GitNotFound", message: /there is no repository, or the credentials may not see it/, stalled: false },
  ],
  [
    "wrong credentials",
    async (_broken, source) =>
      await cluster.patch("GitSource", holdfast.namespace, source, { spec: { secretRef: { name: "wrong" } } }),
    { reason: "GitAuth", message: /refused the credentials \(HTTP 401\)/, stalled: false },
  ],
  [
    "no credentials",
    async (_broken, source) =>
      await cluster.patch("GitSource", holdfast.namespace, source, { spec: { secretRef: null } }),
    { reason: "GitAuth", message: /asks for credentials and none are configured/, stalled: false },
  ],
  [
    "an unreachable remote",
    async (_broken, source) =>
      await cluster.patch("GitSource", holdfast.namespace, source, { spec: { url: "http://127.0.0.1:1/x.git" } }),
    {
      reason: "GitUnreachable",
      message: /http:\/\/127\.0\.0\.1:1\/x\.git can't be reached: nothing listens there/,
      stalled: false,
    },
  ],
];

/** Nothing is wrong with it: what the others are spared happens here. */
const GOOD = "a repository without fault";

const nameOf = (row: string): string => row.replaceAll(/[^a-z]+/gi, "-").toLowerCase();

async function createSource(row: string, files: Files): Promise<HostedRepository> {
  const hosted = await git.createRepository();
  await hosted.repository.commit({ files });
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "GitSource",
    metadata: { name: nameOf(row), namespace: holdfast.namespace },
    spec: { url: hosted.url, ref: { branch: "main" }, path: "policies", prune: true, secretRef: { name: "right" } },
  });
  return hosted;
}

async function createSecret(name: string, password: string): Promise<void> {
  const metadata = { name, namespace: holdfast.namespace };
  await cluster.create({ apiVersion: "v1", kind: "Secret", metadata, stringData: { username: "ada", password } });
}

/** Files with their folder in front. */
function under(folder: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [`${folder}/${path}`, file]));
}

let first: Ended;
let second: Ended;

async function runOnce(): Promise<Ended> {
  return await holdfast.start(["run", "--once", "--timeout", "60s"]).ended;
}

beforeAll(async () => {
  await createSecret("right", "right");
  await createSecret("wrong", "wrong");
  const hosted = new Map<string, HostedRepository>();
  for (const row of [GOOD, ...BAD_FILES.map(([name]) => name)]) {
    const name = nameOf(row);
    const files = { "a.yaml": policy(`${name}-stays`), "b.yaml": policy(`${name}-removed`) };
    hosted.set(row, await createSource(row, under("policies", files)));
  }
  for (const [row] of BROKEN) {
    hosted.set(row, await createSource(row, under("policies", { "a.yaml": policy(`${nameOf(row)}-stays`) })));
  }
  first = await runOnce();
  for (const [row, bad] of [[GOOD, (): Files => ({})] as const, ...BAD_FILES]) {
    const name = nameOf(row);
    const files = { "b.yaml": null, "c.yaml": policy(`${name}-added`), ...bad(`${name}-bad`) };
    await hosted.get(row)?.repository.commit({ files: under("policies", files) });
  }
  for (const [row, break_] of BROKEN) await break_(hosted.get(row) as HostedRepository, nameOf(row));
  second = await runOnce();
});

async function sourceOf(row: string): Promise<KubeObject> {
  return await cluster.get("GitSource", holdfast.namespace, nameOf(row));
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** `Ready=False Stalled=True`, sorted. */
function standing({ status }: KubeObject): { readonly text: string; readonly ready: Condition | undefined } {
  const conditions = (status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
  return {
    text: conditions
      .map(({ type, status: holds }) => `${type}=${holds}`)
      .sort()
      .join(" "),
    ready: conditions.find(({ type }) => type === "Ready"),
  };
}

/** The policies that stand in the cluster for a row. */
async function policiesOf(row: string): Promise<string[]> {
  const names = (await cluster.list("BackupPolicy", holdfast.namespace)).map(({ metadata }) => metadata.name);
  const prefix = `${nameOf(row)}-`;
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** The lines of the last run that name a source, as they are logged. */
function toldOf(row: string, ended: Ended): string[] {
  const lines = ended.stderr.split("\n").filter((line) => line.includes(`/${nameOf(row)}"`));
  return lines.map((line) => {
    const { msg, message, problem } = JSON.parse(line) as { msg: string; message?: string; problem?: string };
    return problem ?? message ?? msg;
  });
}

it("applies every source while all is well", () => {
  expect([first.code, first.stderr].join("\n")).toMatch(/^0\n/);
});

it("exits with 3 when sources are bad, and goes on to the end", () => {
  expect(second.code).toBe(3);
  expect(second.stderr).toMatch(/holdfast ends/);
});

it("prunes what a good repository no longer declares", async () => {
  expect(standing(await sourceOf(GOOD)).text).toBe("Ready=True");
  expect(await policiesOf(GOOD)).toEqual(["added", "stays"]);
});

describe("a repository with a bad file in it", () => {
  it.each(BAD_FILES)("%s: is located, stops only its own objects, and nothing is pruned", async (row, _bad, said) => {
    const source = await sourceOf(row);

    const { text, ready } = standing(source);
    expect(text).toBe("Ready=False Stalled=True");
    expect(ready?.reason).toBe("InvalidDocuments");
    const problems = (source.status as { problems: { file: string; line: number; column: number; message: string }[] })
      .problems;
    const lines = problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`);
    expect(toldOf(row, second).join("\n")).toMatch(said);
    expect(`${lines.join("\n")} ${ready?.message}`).toMatch(said);
    expect(await policiesOf(row)).toEqual(["added", "removed", "stays"]);
  });

  it.each(BAD_FILES)("%s: is found by validate, before it is pushed", async (_row, bad, said) => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-validate-"));
    try {
      await mkdir(join(folder, "policies"));
      const files: Files = { "good.yaml": policy("good"), ...bad("bad") };
      for (const [path, file] of Object.entries(files)) {
        const target = join(folder, "policies", path);
        if (typeof file === "string") await writeFile(target, file);
        else if (file !== null && !Buffer.isBuffer(file)) await symlink(file.content, target);
      }

      const { code, stdout, stderr } = await holdfast.start(["validate", folder]).ended;

      expect(code).toBe(2);
      expect(stderr).toBe("");
      expect(stdout).toMatch(said);
      expect(stdout).toMatch(/\n[12] problems? in [12] files?; 1 document valid in the others\n$/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("a repository or remote that is broken", () => {
  it.each(BROKEN)("%s: says so, and nothing is pruned", async (row, _break, { reason, message, stalled }) => {
    const { text, ready } = standing(await sourceOf(row));

    expect([text, ready?.reason]).toEqual([
      stalled ? "Ready=False Stalled=True" : "Ready=False Reconciling=True",
      reason,
    ]);
    expect(ready?.message).toMatch(message);
    expect(toldOf(row, second)).toContain(ready?.message);
    expect(await policiesOf(row)).toEqual(["stays"]);
  });

  it("never says a password", () => {
    expect(second.stderr).not.toMatch(/"right"|"wrong"|:right@|:wrong@/);
  });
});
