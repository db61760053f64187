import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runGit } from "../../tools/testbed/git/run-git.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const HOLDFAST = `${process.execPath} ${ROOT}bin/holdfast.js`;
const GOOD = await readFile(`${ROOT}policies/everything.yaml`, "utf8");
const BAD = GOOD.replace("schedules:", "shedules:");

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-ci-"));
  await mkdir(join(folder, "policies"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function sh(script: string, env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const child = spawn("sh", ["-c", script], { cwd: folder, env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return await new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

describe("the recipes for CI", () => {
  it("the pre-commit hook looks at what is staged", async () => {
    await runGit(["init", "--quiet", folder]);
    await copyFile(`${ROOT}docs/ci/pre-commit`, join(folder, ".git/hooks/pre-commit"));
    await chmod(join(folder, ".git/hooks/pre-commit"), 0o755);
    const commit = async (text: string, onDisk: string) => {
      await writeFile(join(folder, "policies/a.yaml"), text);
      await runGit(["add", "."], { cwd: folder });
      await writeFile(join(folder, "policies/a.yaml"), onDisk);
      return await runGit(["commit", "--quiet", "-m", "Change"], { cwd: folder, env: { HOLDFAST } }).then(
        () => "committed",
        (error: Error) => error.message,
      );
    };

    expect(await commit(BAD, GOOD)).toMatch(/policies\/a\.yaml:\d+:\d+: error: .*shedules/);
    expect(await commit(GOOD, BAD)).toBe("committed");
  });

  it("the GitHub Action annotates and fails", async () => {
    const action = parse(await readFile(`${ROOT}docs/ci/github-action/action.yml`, "utf8"));
    const { run } = action.runs.steps.at(-1) as { run: string };
    const env = { GITHUB_ACTION_PATH: `${ROOT}docs/ci/github-action`, HOLDFAST_PATHS: "policies" };
    await writeFile(join(folder, "policies/a.yaml"), BAD);

    const bad = await sh(run, env);
    await writeFile(join(folder, "policies/a.yaml"), GOOD);
    const good = await sh(run, env);

    expect(bad.code).toBe(2);
    expect(bad.output).toMatch(/^::error file=policies\/a\.yaml,line=\d+,col=\d+,title=UnknownField::/m);
    expect([good.code, good.output.trim()]).toEqual([0, ""]);
  });

  it("the GitLab template validates and fails, and asks GitLab for the merge request", async () => {
    const template = parse(await readFile(`${ROOT}docs/ci/gitlab-ci.yml`, "utf8"));
    const script = (job: string): string =>
      template[job].script.join("\n").replace("node /app/bin/holdfast.js", HOLDFAST);
    const env = { HOME: folder, HOLDFAST_PATHS: template.variables.HOLDFAST_PATHS, HOLDFAST_CLUSTER: "prod" };
    const asked: (string | undefined)[] = [];
    const gitlab = createServer(({ url }, answer) => {
      asked.push(url);
      answer.writeHead(401).end();
    });
    await new Promise<void>((listening) => gitlab.listen(0, "127.0.0.1", listening));
    const project = `http://127.0.0.1:${(gitlab.address() as AddressInfo).port}/team/gitops`;
    const request = { CI_MERGE_REQUEST_PROJECT_URL: project, CI_MERGE_REQUEST_IID: "7", HOLDFAST_FORGE_TOKEN: "old" };
    await writeFile(join(folder, "policies/a.yaml"), BAD);

    const bad = await sh(script("holdfast-validate"), env);
    await writeFile(join(folder, "policies/a.yaml"), GOOD);
    const good = await sh(script("holdfast-validate"), env);
    const planned = await sh(script("holdfast-plan"), { ...env, ...request });

    expect([bad.code, good.code]).toEqual([2, 0]);
    expect(bad.output).toMatch(/policies\/a\.yaml:\d+:\d+: error: .*shedules/);
    gitlab.close();
    expect([planned.code, planned.output]).toEqual([1, expect.stringContaining("ForgeAuth")]);
    expect(asked[0]).toMatch(/^\/api\/v4\/projects\/team%2Fgitops\/merge_requests\/7\b/);
  });
});
