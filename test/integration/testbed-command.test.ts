import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import { runGit } from "../../tools/testbed/git/run-git.ts";
import { runScript, type ScriptResult } from "../support/run-script.ts";

const MAIN = join(import.meta.dirname, "..", "..", "tools", "testbed", "main.ts");

describe("npm run testbed", () => {
  let env: NodeJS.ProcessEnv;
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-test-"));
    const KUBEBUILDER_ASSETS = dirname(await findBinary("etcd"));
    const HOLDFAST_TESTBED_VERSITYGW = await findBinary("versitygw");
    env = { ...process.env, KUBEBUILDER_ASSETS, HOLDFAST_TESTBED_VERSITYGW, XDG_CACHE_HOME: folder };
  });
  afterAll(async () => {
    await testbed("down");
    await rm(folder, { recursive: true, force: true });
  });

  const testbed = (...args: string[]): Promise<ScriptResult> => runScript(MAIN, args, env);

  it("goes up once, says how to reach it, and goes down without a trace", async () => {
    const first = await testbed("up", "--git");
    const second = await testbed("up");
    const kubeconfig = /kubeconfig +(\S+)/.exec(first.stdout)?.[1] ?? "";
    const repository = /Git repository +(\S+)/.exec(first.stdout)?.[1] ?? "";

    expect([first.code, second.code]).toEqual([0, 0]);
    expect(second.stdout).toContain("already up");
    expect(second.stdout).toContain(kubeconfig);
    expect(await readFile(kubeconfig, "utf8")).toContain("current-context: testbed");
    expect((await runGit(["ls-remote", repository])).toString()).toBe("");

    const down = await testbed("down");
    const status = await testbed("status");

    expect(down.stdout).toBe("The testbed is down.\n");
    expect(existsSync(kubeconfig)).toBe(false);
    expect([status.code, status.stdout]).toEqual([3, "The testbed is not up.\n"]);
  });

  it("refuses to add servers to one that is up", async () => {
    await testbed("up");

    const refused = await testbed("up", "--s3");

    expect([refused.code, refused.stderr]).toEqual([
      1,
      "testbed: the testbed is already up, without s3: run `down` first\n",
    ]);
    await testbed("down");
  });
});
