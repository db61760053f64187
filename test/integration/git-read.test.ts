import { describe, expect, it } from "vitest";
import { useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

describe("reading a remote over smart HTTP", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  it("reads the files under a path at the head, without a checkout", async () => {
    const { url, repository } = await server.createRepository();
    const head = await repository.commit({
      files: {
        "policies/shop.yaml": "kind: BackupPolicy\n",
        "policies/deep/er/plan.yaml": "kind: RestorePlan\n",
        "policies/run.sh": { mode: "100755", content: "#!/bin/sh\n" },
        "README.md": "not under the path\n",
      },
    });
    const remote = await remotes.open({ url });

    const revision = await remote.fetch("main");
    const files = await remote.readTree(revision, "policies");

    expect(revision).toBe(head);
    expect(files.map(({ path, bytes, mode }) => [path, bytes.toString(), mode])).toEqual([
      ["policies/deep/er/plan.yaml", "kind: RestorePlan\n", "100644"],
      ["policies/run.sh", "#!/bin/sh\n", "100755"],
      ["policies/shop.yaml", "kind: BackupPolicy\n", "100644"],
    ]);
  });

  it("downloads nothing for an unchanged head, and only what is new for a changed one", async () => {
    const { url, repository } = await server.createRepository();
    const bulk = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`a/${i}.yaml`, `${i}: ${Math.random()}\n`]));
    await repository.commit({ files: bulk });
    const remote = await remotes.open({ url });
    await remote.fetch("main");

    await remote.fetch("main");
    const second = await repository.commit({ files: { "a/7.yaml": "changed\n" } });
    const revision = await remote.fetch("main");

    expect(revision).toBe(second);
    expect((await remote.readFile(revision, "a/7.yaml"))?.toString()).toBe("changed\n");
    expect((await remote.readFile(revision, "a/8.yaml"))?.toString()).toBe(bulk["a/8.yaml"]);
    expect(remote.traffic.map(({ operation }) => operation)).toEqual(["heads", "fetch", "heads", "heads", "fetch"]);
    const [first, later] = remote.traffic.filter(({ operation }) => operation === "fetch");
    expect(later?.receivedBytes).toBeLessThan((first?.receivedBytes ?? 0) / 2);
  });

  it("keeps names that are odd, as they are", async () => {
    const { url, repository } = await server.createRepository();
    const names = [
      "ünï/cødé 🙂.yaml",
      'quo"te.yaml',
      "a b/c.yaml",
      "-dash",
      "back\\slash",
      "__proto__",
      "constructor/x",
    ];
    await repository.commit({ files: Object.fromEntries(names.map((name) => [name, `I am ${name}\n`])) });
    const remote = await remotes.open({ url });

    const files = await remote.readTree(await remote.fetch("main"), "");

    expect(files.map(({ path }) => path).sort()).toEqual([...names].sort());
    for (const { path, bytes } of files) expect(bytes.toString()).toBe(`I am ${path}\n`);
  });

  it.each([
    ["a symbolic link", "p/link", { mode: "120000", content: "/etc/passwd" } as const, "symbolic link"],
    ["a submodule", "p/sub", { mode: "160000", content: "1".repeat(40) } as const, "submodule"],
    ["a file over 1 MiB", "p/big.yaml", Buffer.alloc(1024 * 1024 + 1, "x"), "larger than 1 MiB"],
    ["a huge file of zeros", "p/zeros.yaml", Buffer.alloc(80 * 1024 * 1024), "larger than 1 MiB"],
  ])("refuses %s with its path, and reads beside it", async (_what, path, file, why) => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { "p/ok.yaml": "ok\n", "q/ok.yaml": "ok\n", [path]: file } });
    const remote = await remotes.open({ url });
    const revision = await remote.fetch("main");

    const refused = remote.readTree(revision, "p");

    await expect(refused).rejects.toMatchObject({ code: "GitEntryRefused", data: { path } });
    await expect(refused).rejects.toThrow(why);
    expect(await remote.readTree(revision, "q")).toHaveLength(1);
  });

  it("refuses a name that is not UTF-8, and a tree that names .git", async () => {
    const { url, repository } = await server.createRepository();
    const blob = (await repository.git(["hash-object", "-w", "--stdin"], "x")).trim();
    const entry = (name: Buffer) =>
      Buffer.concat([Buffer.from("100644 "), name, Buffer.from([0]), Buffer.from(blob, "hex")]);
    const remote = await remotes.open({ url });
    for (const name of [Buffer.from([0xff, 0xfe]), Buffer.from(".GIT")]) {
      const args = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"];
      const tree = (await repository.git(args, entry(name))).trim();
      const commit = (await repository.git(["commit-tree", tree, "-m", "odd"])).trim();
      await repository.setBranch("main", commit);

      const revision = await remote.fetch("main");

      await expect(remote.readTree(revision, "")).rejects.toMatchObject({ code: "GitEntryRefused" });
    }
  });

  it("refuses more than 10,000 files under the path, in a repository of 100,000 files", async () => {
    const { url, repository } = await server.createRepository();
    const many = Array.from({ length: 100_000 }, (_, i) => [`many/${i % 100}/${i}.yaml`, `${i}\n`]);
    await repository.commit({ files: { ...Object.fromEntries(many), "policies/a.yaml": "a\n" } });
    const remote = await remotes.open({ url });
    const revision = await remote.fetch("main");

    const refused = remote.readTree(revision, "many");

    await expect(refused).rejects.toMatchObject({ code: "GitEntryRefused", data: { path: "many" } });
    expect(await remote.readTree(revision, "policies")).toHaveLength(1);
    expect(await remote.readTree(revision, "many/7")).toHaveLength(1000);
  });

  it("tells a missing path, a missing file and an unknown revision apart", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { "a/b.yaml": "b\n" } });
    const remote = await remotes.open({ url });
    const revision = await remote.fetch("main");

    expect(await remote.readFile(revision, "a/none.yaml")).toBeUndefined();
    expect(await remote.listFolder(revision, "none")).toEqual([]);
    expect(await remote.listFolder(revision, "")).toEqual([{ name: "a", type: "folder" }]);
    await expect(remote.readTree(revision, "none")).rejects.toMatchObject({ code: "GitPathMissing" });
    await expect(remote.readTree(revision, "../up")).rejects.toMatchObject({ code: "InvalidSpec" });
    await expect(remote.readTree("1".repeat(40), "a")).rejects.toMatchObject({ code: "GitRevisionMissing" });
  });

  it("fetches a branch anew whose clone was released", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { "a/b.yaml": "b\n" } });
    const remote = await remotes.open({ url });
    const revision = await remote.fetch("main");

    await remote.release("main");

    await expect(remote.readFile(revision, "a/b.yaml")).rejects.toMatchObject({ code: "GitRevisionMissing" });
    expect(await remote.fetch("main")).toBe(revision);
    expect((await remote.readFile(revision, "a/b.yaml"))?.toString()).toBe("b\n");
    expect(remote.traffic.filter(({ operation }) => operation === "fetch")).toHaveLength(2);
  });

  it("tells an empty repository, an unborn HEAD, a missing branch and a missing remote apart", async () => {
    const empty = await server.createRepository();
    const unborn = await server.createRepository("trunk"); // HEAD names trunk, which never comes
    await unborn.repository.commit({ branch: "main", files: { a: "a" } });
    const open = (url: string) => remotes.open({ url });

    await expect((await open(empty.url)).fetch("main")).rejects.toMatchObject({ code: "GitEmpty" });
    expect(await (await open(unborn.url)).fetch("main")).toBe(await unborn.repository.resolve("main"));
    await expect((await open(unborn.url)).fetch("trunk")).rejects.toMatchObject({ code: "GitBranchMissing" });
    await expect((await open(`${server.url}/none.git`)).fetch("main")).rejects.toMatchObject({ code: "GitNotFound" });
    await expect((await open(server.url)).fetch("main")).rejects.toMatchObject({ code: "GitNotFound" });
    await expect((await open("http://127.0.0.1:9/a")).fetch("main")).rejects.toMatchObject({ code: "GitUnreachable" });
  });

  it("says that a branch is gone, still reads what it had, and reads on when it is back", async () => {
    const { url, repository } = await server.createRepository();
    const first = await repository.commit({ files: { a: "1" } });
    await repository.commit({ branch: "other", files: { o: "o" } });
    const remote = await remotes.open({ url });
    await remote.fetch("main");
    await repository.deleteBranch("main");

    await expect(remote.fetch("main")).rejects.toMatchObject({ code: "GitBranchMissing", data: { branch: "main" } });

    expect((await remote.readFile(first, "a"))?.toString()).toBe("1");
    const again = await repository.commit({ parent: null, files: { a: "2" } });
    expect(await remote.fetch("main")).toBe(again);
    expect((await remote.readFile(again, "a"))?.toString()).toBe("2");
  });

  it("reads two branches and a pull request's ref side by side", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { a: "main" } });
    const other = await repository.commit({ branch: "other", parent: null, files: { a: "other" } });
    await repository.git(["update-ref", "refs/pull/7/merge", other]);
    await repository.deleteBranch("other");
    const remote = await remotes.open({ url });

    const [main, merge] = await Promise.all([remote.fetch("main"), remote.fetch("refs/pull/7/merge")]);

    expect((await remote.readFile(main, "a"))?.toString()).toBe("main");
    expect((await remote.readFile(merge, "a"))?.toString()).toBe("other");
    await expect(remote.fetch("--upload-pack=touch /tmp/x")).rejects.toMatchObject({ code: "InvalidSpec" });
  });

  it("never shares a clone between two remotes on one cache folder", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { a: "1" } });
    const [one, two] = await Promise.all([remotes.open({ url }), remotes.open({ url })]);

    const revisions = await Promise.all([one.fetch("main"), two.fetch("main")]);
    await one.close();

    expect((await two.readFile(revisions[1], "a"))?.toString()).toBe("1");
  });
});

describe("history", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  it.each([
    ["that can leave files out", "true"],
    ["that can't", "false"],
  ])("tells a descendant from a rewritten history beyond the shallow clone, on a server %s", async (_what, filter) => {
    const { url, repository } = await server.createRepository();
    await repository.git(["config", "uploadpack.allowFilter", filter]);
    const commits: string[] = [];
    for (let i = 0; i < 100; i++) commits.push(await repository.commit({ files: { a: `${i}` } }));
    const [old, head] = [commits[2] ?? "", commits.at(-1) ?? ""];
    const remote = await remotes.open({ url });
    expect(await remote.fetch("main")).toBe(head);

    expect(await remote.isDescendant(head, head)).toBe(true);
    expect(await remote.isDescendant(old, head)).toBe(true);
    expect(await remote.isDescendant("1".repeat(40), head)).toBe(false);

    const reset = commits[50] ?? "";
    await repository.setBranch("main", reset);
    expect(await remote.fetch("main")).toBe(reset);
    expect(await remote.isDescendant(head, reset)).toBe(false);
    const rewritten = await repository.commit({ parent: commits[40] ?? "", files: { a: "rewritten" } });
    expect(await remote.fetch("main")).toBe(rewritten);
    expect(await remote.isDescendant(reset, rewritten)).toBe(false);
    expect(await remote.isDescendant(commits[40] ?? "", rewritten)).toBe(true);
  });

  it("lists the commits that changed a path, newest first", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ message: "one", files: { "p/a": "1", x: "1" } });
    await repository.commit({ message: "two", files: { x: "2" } });
    await repository.commit({ message: "three\n\nTrailer: yes", files: { "p/a": "3" } });
    const remote = await remotes.open({ url });
    const head = await remote.fetch("main");

    const all = await remote.log(head);
    const under = await remote.log(head, { path: "p" });

    expect(all.map(({ message }) => message.trim())).toEqual(["three\n\nTrailer: yes", "two", "one"]);
    expect(under.map(({ message }) => message.split("\n")[0]?.trim())).toEqual(["three", "one"]);
    expect(await remote.log(head, { limit: 1 })).toHaveLength(1);
    expect(all[0]?.author).toMatchObject({ name: "Test Author", email: "author@example.com" });
    expect(Math.abs((all[0]?.author.timeMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });
});
