import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { BranchView, CommitRequest } from "../../src/git/remote.ts";
import { runGit } from "../../tools/testbed/git/run-git.ts";
import { type Fault, faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { AUTHOR, useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const isPush = ({ method, url }: IncomingCall) => method === "POST" && url.endsWith("/git-receive-pack");

function request(files: CommitRequest["files"] | Record<string, string | undefined>, branch = "status"): CommitRequest {
  const changes = typeof files === "function" || files instanceof Map ? files : new Map(Object.entries(files));
  return {
    branch,
    files: changes as CommitRequest["files"],
    message: "Record a backup\n\nHoldfast-Cluster: c1",
    author: AUTHOR,
  };
}

describe("committing to a remote over smart HTTP", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  afterEach(() => server.setFaults());

  it("makes the branch an orphan, adds to it, and another clone reads it back", async () => {
    const { url, repository } = await server.createRepository();
    const main = await repository.commit({ files: { "policies/a.yaml": "a" } });
    const remote = await remotes.open({ url });
    const reader = await remotes.open({ url });

    const first = await remote.commitIfChanged(request({ "README.md": "one\n", "backups/2026/a.yaml": "a\n" }));
    const second = await remote.commitIfChanged(request({ "backups/2026/b.yaml": "b\n" }));

    expect(first).toMatchObject({ type: "committed", paths: ["README.md", "backups/2026/a.yaml"], attempts: 1 });
    expect(second).toMatchObject({ type: "committed", paths: ["backups/2026/b.yaml"] });
    const read = await reader.readTree(await reader.fetch("status"), "");
    expect(read.map(({ path, bytes }) => [path, bytes.toString()])).toEqual([
      ["README.md", "one\n"],
      ["backups/2026/a.yaml", "a\n"],
      ["backups/2026/b.yaml", "b\n"],
    ]);
    const log = await repository.log("status");
    expect(log).toHaveLength(2); // an orphan: nothing of main's history
    expect(log[0]).toMatchObject({ message: "Record a backup\n\nHoldfast-Cluster: c1", authorName: "Holdfast" });
    expect(await repository.resolve("main")).toBe(main);
    await repository.git(["fsck", "--strict", "--full"]);
  });

  it("commits nothing where every byte stands already: twice is once", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    const files = { "a.yaml": "a\n", "b/c.yaml": "c\n" };

    const first = await remote.commitIfChanged(request(files));
    const again = await remote.commitIfChanged(request(files));
    const elsewhere = await (await remotes.open({ url })).commitIfChanged(request(files));
    const nothing = await remote.commitIfChanged(request({ "none.yaml": undefined }));

    const revision = first.revision;
    expect([again, elsewhere, nothing]).toEqual(Array(3).fill({ type: "unchanged", revision }));
    expect(await repository.log("status")).toHaveLength(1);
  });

  it("deletes files and folders, and leaves no empty folder behind", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ "a/b/1": "1", "a/b/2": "2", "c/3": "3", d: "4" }));

    await remote.commitIfChanged(request({ "a/b": undefined, "c/3": undefined, e: "5" }));
    const left = await repository.readTree("status");
    await remote.commitIfChanged(request({ d: undefined, e: undefined }));

    expect(left).toEqual({ d: "4", e: "5" });
    expect(await repository.readTree("status")).toEqual({});
    await repository.git(["fsck", "--strict", "--full"]);
  });

  it("puts a file where a folder was and a folder where a file was, and keeps modes and odd names beside them", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({
      branch: "status",
      files: { x: "file", "y/z": "deep", run: { mode: "100755", content: "1" }, "a-b": "1", "a/b": "1", "ü\n": "odd" },
    });
    const remote = await remotes.open({ url });

    const wanted = { "x/y": "deep", y: "file", run: "2", "a/c": "1", ["__proto__"]: "p" };
    await remote.commitIfChanged(request(wanted));

    const tree = Object.entries(await repository.readTree("status")).sort();
    const kept = { "a-b": "1", "a/b": "1", "ü\n": "odd" };
    expect(tree).toEqual([...Object.entries(wanted), ...Object.entries(kept)].sort());
    expect(await repository.git(["ls-tree", "status", "run"])).toMatch(/^100755/);
    await repository.git(["fsck", "--strict", "--full"]);
  });

  it("refuses paths that leave the repository or contradict each other", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });

    for (const files of [{ "../x": "1" }, { "a/.git/config": "1" }, { a: "1", "a/b": "2" }, { "": "1" }]) {
      await expect(remote.commitIfChanged(request(files))).rejects.toMatchObject({ code: "InvalidSpec" });
    }
    expect(await repository.branches()).toEqual([]);
  });

  it("fails on an absent branch when told to, and makes no repository", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { a: "a" } });
    const remote = await remotes.open({ url });

    const absent = remote.commitIfChanged({ ...request({ a: "1" }), whenAbsent: "fail" });
    await expect(absent).rejects.toMatchObject({ code: "GitBranchMissing" });
    const lost = await remotes.open({ url: `${server.url}/none.git` });
    await expect(lost.commitIfChanged(request({ a: "1" }))).rejects.toMatchObject({ code: "GitNotFound" });
  });

  it("keeps a person's commit and puts our files on top of it", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ "status.yaml": "ours\n", "index.json": "1\n" }));
    const person = await repository.commit({
      branch: "status",
      message: "Fix by hand",
      files: { "status.yaml": "theirs\n", "note.md": "kept\n" },
    });

    const outcome = await remote.commitIfChanged(request({ "status.yaml": "ours\n", "index.json": "2\n" }));

    expect(outcome).toMatchObject({ type: "committed", paths: ["index.json", "status.yaml"] });
    expect(await repository.readTree("status")).toEqual({
      "status.yaml": "ours\n",
      "index.json": "2\n",
      "note.md": "kept\n",
    });
    const oids = (await repository.log("status")).map(({ oid }) => oid);
    expect(oids).toEqual([outcome.revision, person, expect.any(String)]);
  });

  it("goes on when the branch was rewritten or deleted under it, and never forces", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ a: "1" }));
    await remote.commitIfChanged(request({ a: "2" }));

    const other = await repository.commit({ branch: "status", parent: null, files: { b: "theirs" } });
    const onTop = await remote.commitIfChanged(request({ a: "3" }));
    expect(await repository.resolve(`${onTop.revision}^`)).toBe(other);
    expect(await repository.readTree("status")).toEqual({ a: "3", b: "theirs" });

    await repository.deleteBranch("status");
    await remote.commitIfChanged(request({ a: "4" }));
    expect(await repository.readTree("status")).toEqual({ a: "4" });
    await remote.commitIfChanged(request({ a: "5" }));
    expect(await repository.log("status")).toHaveLength(2);
  });

  it("makes files from the head it builds on, again for each new head", async () => {
    const { url, repository } = await server.createRepository();
    const [one, two] = [await remotes.open({ url }), await remotes.open({ url })];
    const add = (row: string) => async (head: BranchView) => {
      const rows = (await head.readFile("index.txt"))?.toString() ?? "";
      return new Map([["index.txt", `${rows}${row}\n`]]);
    };
    await one.commitIfChanged(request(add("first")));
    await two.commitIfChanged(request(add("second")));

    const third = await one.commitIfChanged(request(add("third")));

    expect(await repository.readTree("status")).toEqual({ "index.txt": "first\nsecond\nthird\n" });
    expect(third).toMatchObject({ attempts: 2 });
  });

  it("ends without a push when making the files fails", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    const failing = () => {
      throw new Error("a higher term stands there");
    };

    await expect(remote.commitIfChanged(request(failing))).rejects.toThrow("higher term");
    expect(await repository.branches()).toEqual([]);
    expect(await remote.commitIfChanged(request({ a: "1" }))).toMatchObject({ type: "committed" });
  });
});

describe("a push that fails", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  afterEach(() => server.setFaults());

  it.each<[string, Fault]>([
    ["answered by 500 after it was accepted", { type: "replaceAnswer", status: 500 }],
    ["cut after it was accepted", { type: "dropAnswer" }],
    ["cut in the report", { type: "resetAnswer", afterBytes: 3 }],
    ["answered by half a report", { type: "truncateAnswer", afterBytes: 3 }],
    ["answered by 503 before it arrived", { type: "answer", status: 503 }],
    ["cut while it was sent", { type: "resetRequest", afterBytes: 50 }],
  ])("by being %s: one commit, and the truth about it", async (_what, fault) => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ a: "1" }));
    server.setFaults(faultOnce(isPush, fault));

    const outcome = await remote.commitIfChanged(request({ a: "2", b: "2" }));

    expect(outcome).toMatchObject({ type: "committed", revision: await repository.resolve("status") });
    expect(await repository.readTree("status")).toEqual({ a: "2", b: "2" });
    expect(await repository.log("status")).toHaveLength(2);
    expect(await remote.commitIfChanged(request({ a: "3" }))).toMatchObject({ type: "committed" });
  });

  it("is found accepted even when others committed on top before we could ask", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ a: "1" }));
    let ours: string | undefined;
    server.setFaults(async (call) => {
      if (isPush(call) && ours === undefined) {
        ours = "";
        return { type: "dropAnswer" };
      }
      if (ours === "" && call.method === "GET") {
        ours = await repository.resolve("status");
        await repository.commit({ branch: "status", files: { note: "theirs" } });
      }
      return undefined;
    });

    const outcome = await remote.commitIfChanged(request({ a: "2" }));

    expect(outcome).toMatchObject({ type: "committed", revision: ours });
    expect(await repository.readTree("status")).toEqual({ a: "2", note: "theirs" });
    expect(await repository.log("status")).toHaveLength(3);
  });

  it.each(["pre-receive", "update"])("by a %s hook is told in the hook's words at the deadline", async (hook) => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ a: "1" }));
    await writeFile(join(repository.path, "hooks", hook), "#!/bin/sh\necho 'branch is frozen' >&2\nexit 1\n", {
      mode: 0o755,
    });
    const before = server.calls.length;

    const refused = remote.commitIfChanged({ ...request({ a: "2" }), deadlineMs: 800 });

    await expect(refused).rejects.toMatchObject({ code: "GitPushRejected", data: { branch: "status" } });
    await expect(refused).rejects.toThrow(/branch is frozen/);
    expect(await repository.readTree("status")).toEqual({ a: "1" });
    expect(server.calls.length - before).toBeLessThan(60); // it backs off
  });

  it("by a hook that relents in time succeeds with one commit", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    await remote.commitIfChanged(request({ a: "1" }));
    const once = 'if [ ! -e "$GIT_DIR/seen" ]; then touch "$GIT_DIR/seen"; exit 1; fi';
    await writeFile(join(repository.path, "hooks", "pre-receive"), `#!/bin/sh\n${once}\n`, { mode: 0o755 });

    const outcome = await remote.commitIfChanged(request({ a: "2" }));

    expect(outcome).toMatchObject({ type: "committed", attempts: 2 });
    expect(await repository.log("status")).toHaveLength(2);
    expect(await readFile(join(repository.path, "seen"), "utf8")).toBe("");
  });

  it("for want of permission is told without a second try", async () => {
    const { url, repository } = await server.createRepository();
    await repository.git(["config", "http.receivepack", "false"]);
    const remote = await remotes.open({ url });
    const before = server.calls.length;

    await expect(remote.commitIfChanged(request({ a: "1" }))).rejects.toMatchObject({ code: "GitAuth" });

    const pushes = server.calls.slice(before).filter(({ url }) => url.includes("git-receive-pack"));
    expect(pushes).toHaveLength(1);
  });
});

/** A person with the real git: commits a file at a time, pulls and pushes again when someone was faster. */
async function pushByHand(url: string, branch: string, commits: number): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-person-"));
  const git = async (...args: string[]) => (await runGit(args, { cwd: folder })).toString().trim();
  const pushed: string[] = [];
  try {
    await git("clone", "--quiet", "--branch", branch, url, ".");
    while (pushed.length < commits) {
      await git("pull", "--quiet", "--rebase");
      await writeFile(join(folder, `person-${pushed.length}`), "by hand\n");
      await git("add", ".");
      await git("commit", "--quiet", "-m", "By hand");
      const isPushed = await git("push", "--quiet").then(
        () => true,
        () => false,
      );
      if (isPushed) pushed.push(await git("rev-parse", "HEAD"));
      else await git("reset", "--quiet", "--hard", "HEAD~1");
    }
    return pushed;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("contention", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  // On a busy machine a try takes seconds, and ten in a row may lose their race.
  const deadlineMs = 280_000;

  it("ten writers and a person on one branch: every file arrives, nothing is forced, no commit is empty", {
    timeout: 300_000,
  }, async () => {
    const { url, repository } = await server.createRepository();
    const roundsEach = 4;
    await repository.commit({ branch: "status", files: { start: "" } });
    const person = pushByHand(url, "status", 6);
    const writers = Array.from({ length: 10 }, async (_, writer) => {
      const remote = await remotes.open({ url });
      const outcomes = [];
      for (let round = 0; round < roundsEach; round++) {
        const files = { [`clusters/${writer}/${round}.yaml`]: `${writer} ${round}\n`, [`w${writer}`]: `${round}` };
        outcomes.push(await remote.commitIfChanged({ ...request(files), deadlineMs }));
      }
      return outcomes;
    });

    const outcomes = (await Promise.all(writers)).flat();
    const byHand = await person;

    expect(outcomes.every(({ type }) => type === "committed")).toBe(true);
    const tree = await repository.readTree("status");
    for (let writer = 0; writer < 10; writer++) {
      expect(tree[`w${writer}`]).toBe(`${roundsEach - 1}`);
      for (let round = 0; round < roundsEach; round++) {
        expect(tree[`clusters/${writer}/${round}.yaml`]).toBe(`${writer} ${round}\n`);
      }
    }
    const history = new Set((await repository.log("status")).map(({ oid }) => oid));
    for (const { revision } of outcomes) expect(history).toContain(revision);
    for (const revision of byHand) expect(history).toContain(revision);
    const trees = (await repository.git(["log", "--format=%T", "status"])).trim().split("\n");
    expect(new Set(trees).size).toBe(trees.length);
  });

  it("ten clusters on branches of their own, and a person on main, do not disturb each other", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { a: "0" } });
    const clusters = Array.from({ length: 10 }, async (_, i) => {
      const remote = await remotes.open({ url });
      for (const round of [1, 2, 3])
        await remote.commitIfChanged(request({ status: `${i} ${round}` }, `holdfast/c${i}`));
    });
    for (const round of [1, 2, 3]) await repository.commit({ files: { a: `${round}` } });
    await Promise.all(clusters);

    expect(await repository.readTree("main")).toEqual({ a: "3" });
    for (let i = 0; i < 10; i++) {
      expect(await repository.readTree(`holdfast/c${i}`)).toEqual({ status: `${i} 3` });
      expect(await repository.log(`holdfast/c${i}`)).toHaveLength(3);
    }
  });
});
