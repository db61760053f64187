import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { readConfig } from "./config.ts";
import { createCliIo } from "./io.ts";
import { createProgram, runCli } from "./root.ts";
import { validateCommand } from "./validate.ts";

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** A folder with these files. */
async function tree(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "validate-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** Runs the command in this process; paths in its output are relative to `folder`. */
async function run(folder: string, ...args: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  const written = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => ({
    isTTY: false,
    write: (text: string) => {
      written[name] += text.replaceAll(`${folder}/`, "");
    },
  });
  const io = createCliIo({
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    width: 100,
    config: readConfig({}),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
    buildDeps: () => {
      throw new Error("validate needs no cluster");
    },
  });
  await runCli(io, createProgram(io, "0.0.0", [validateCommand(io)]), ["validate", ...args]);
  return { ...written, exitCode: io.exitCode };
}

const POLICY = `apiVersion: holdfast.dev/v1alpha1
kind: BackupPolicy
metadata:
  name: shop
spec:
  schedules:
    - name: daily
      cron: "@daily"
`;

describe("holdfast validate", () => {
  it("says nothing is wrong, and 0", async () => {
    const folder = await tree({
      "a.yaml": POLICY,
      "b/c.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
      "notes.txt": "{",
    });

    expect(await run(folder, folder)).toEqual({
      stdout: "1 document valid in 2 files, 1 document of other kinds passed over\n",
      stderr: "",
      exitCode: 0,
    });
  });

  it("shows each problem with its line, a caret and what to do, and 2", async () => {
    const folder = await tree({
      "shop.yaml": POLICY.replace("@daily", "61 * * * *").replace("spec:", "spec:\n  suspended: true"),
    });

    const { stdout, exitCode } = await run(folder, folder);

    expect(exitCode).toBe(2);
    expect(stdout).toBe(`shop.yaml:6:3: error: unknown field "spec.suspended" [UnknownField]
  6 |   suspended: true
    |   ^
    = did you mean "suspend"?

1 problem in 1 file; 0 documents valid in the others
`);
  });

  it("keeps the caret right behind tabs and in long lines", async () => {
    const folder = await tree({
      "a.yaml": POLICY.replace('cron: "@daily"', `# ${"x".repeat(30)}\n      cron: "@dayly"\t# ${"y".repeat(400)}`),
    });

    const { stdout } = await run(folder, folder);

    const [, line = "", caret = ""] = stdout.split("\n");
    expect(line[caret.indexOf("^")]).toBe('"');
    expect(line.length).toBeLessThan(180);
  });

  it("gives programs everything but the content", async () => {
    const folder = await tree({ "a.yaml": POLICY, "b.yaml": POLICY.replace("shop", "Shop") });

    const { stdout, exitCode } = await run(folder, folder, "--output", "json");

    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      valid: false,
      files: 2,
      ignored: 0,
      documents: [
        {
          kind: "BackupPolicy",
          namespace: "holdfast",
          name: "shop",
          file: "a.yaml",
          line: 1,
          digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ],
      problems: [
        expect.objectContaining({ code: "BadName", file: "b.yaml", line: 4, column: 9, field: "metadata.name" }),
      ],
      warnings: [],
    });
  });

  it("takes single files, and says which it can't read", async () => {
    const folder = await tree({ policy: POLICY, "policy.yaml": POLICY });

    expect((await run(folder, join(folder, "policy.yaml"))).exitCode).toBe(0);
    expect(await run(folder, join(folder, "policy"))).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("policy: not a .yaml, .yml or .json file"),
    });
  });

  it("refuses a symbolic link by its path", async () => {
    const folder = await tree({ "a.yaml": POLICY });
    await symlink("/etc/hostname", join(folder, "link.yaml"));

    const { stdout, exitCode } = await run(folder, folder);

    expect(exitCode).toBe(2);
    expect(stdout).toContain("link.yaml:1:1: error: symbolic links are not followed [SymbolicLink]");
  });

  it("refuses a file over 1 MiB without showing it", async () => {
    const folder = await tree({ "big.yaml": Buffer.alloc(1024 * 1024 + 1, "a: b\n") });

    const { stdout, exitCode } = await run(folder, folder);

    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^big.yaml:1:1: error: the file is larger than 1 MiB \[TooLarge\]/);
    expect(stdout.length).toBeLessThan(500);
  });

  it("names a path that is not there, and 2", async () => {
    const folder = await tree({});

    const { stderr, exitCode } = await run(folder, join(folder, "none"));

    expect(exitCode).toBe(2);
    expect(stderr).toContain("none: no such file or folder");
  });

  it("never writes control characters of a file to the terminal", async () => {
    const folder = await tree({ "a.yaml": `${POLICY}  template: {ttl: 1x} # \u001b[2J\n` });

    expect((await run(folder, folder)).stdout).not.toContain("\u001b[2J");
  });
});
