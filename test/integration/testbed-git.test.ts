import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runGit } from "../../tools/testbed/git/run-git.ts";
import { faultOnce } from "../../tools/testbed/http/fault.ts";
import { useGitServer } from "../support/use-git-server.ts";

describe("the Git server", () => {
  const git = useGitServer({ credentials: { username: "ann", password: "s3cret" } });
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const asAnn = (url: string) => url.replace("http://", "http://ann:s3cret@");

  it("serves a clone and takes a push from who may", async () => {
    const { url, repository } = await git.createRepository();
    await repository.commit({
      files: { "policies/a.yaml": "a: 1\n", "b.txt": Buffer.from([0, 255]) },
      message: "Add a",
    });
    const clone = join(folder, "clone");

    await runGit(["clone", "--quiet", asAnn(url), clone]);
    await writeFile(join(clone, "c.txt"), "c".repeat(200_000));
    await runGit(["-C", clone, "add", "c.txt"]);
    await runGit(["-C", clone, "commit", "--quiet", "-m", "Add c"]);
    await runGit(["-C", clone, "push", "--quiet", "origin", "HEAD"]);

    expect((await repository.log("main")).map(({ subject }) => subject)).toEqual(["Add c", "Add a"]);
    expect(Object.keys(await repository.readTree("main"))).toEqual(["b.txt", "c.txt", "policies/a.yaml"]);
    expect((await repository.readFile("main", "c.txt")).length).toBe(200_000);
  });

  it("inflates gzipped requests", async () => {
    const { url, repository } = await git.createRepository();
    const oid = await repository.commit({ files: { a: "1" } });
    const headers = {
      authorization: `Basic ${Buffer.from("ann:s3cret").toString("base64")}`,
      "content-type": "application/x-git-upload-pack-request",
      "content-encoding": "gzip",
      "git-protocol": "version=2",
    };

    const body = gzipSync("0014command=ls-refs\n0000");
    const answer = await fetch(`${url}/git-upload-pack`, { method: "POST", headers, body });

    expect(await answer.text()).toContain(`${oid} refs/heads/main`);
  });

  it("turns others away", async () => {
    const { url } = await git.createRepository();

    await Promise.all([
      expect(runGit(["ls-remote", url])).rejects.toThrow(/could not read Username/),
      expect(runGit(["ls-remote", url.replace("http://", "http://ann:wrong@")])).rejects.toThrow(
        /Authentication failed/,
      ),
    ]);
  });

  it("fails on demand, and works again", async () => {
    const { url, repository } = await git.createRepository();
    await repository.commit({ files: { a: "1" } });
    git.setFaults(faultOnce(() => true, { type: "answer", status: 500 }));

    const failing = runGit(["ls-remote", asAnn(url)]);

    await expect(failing).rejects.toThrow(/500/);
    expect((await runGit(["ls-remote", asAnn(url), "main"])).toString()).toContain("refs/heads/main");
  });

  it("cuts a clone in the middle", async () => {
    const { url, repository } = await git.createRepository();
    await repository.commit({ files: { a: Array.from({ length: 5000 }, Math.random).join("\n") } });
    const isPack = (call: { method: string }) => call.method === "POST";
    git.setFaults(faultOnce(isPack, { type: "resetAnswer", afterBytes: 1000 }, 9));

    const cloning = runGit(["clone", "--quiet", asAnn(url), join(folder, "cut")]);

    await expect(cloning).rejects.toThrow();
    git.setFaults();
  });

  it("makes symlinks, submodules, removals and rewrites", async () => {
    const { repository } = await git.createRepository();
    const first = await repository.commit({ files: { a: "1", link: { mode: "120000", content: "/etc/passwd" } } });
    await repository.commit({ files: { a: null, sub: { mode: "160000", content: first } } });

    const listing = await repository.git(["ls-tree", "main"]);
    const rewritten = await repository.commit({ files: { z: "1" }, parent: null });

    expect(listing.split("\n").map((line) => line.split(" ")[0])).toEqual(["120000", "160000", ""]);
    expect(await repository.log("main")).toMatchObject([{ oid: rewritten }]);
    expect(Object.keys(await repository.readTree("main"))).toEqual(["z"]);
  });
});
