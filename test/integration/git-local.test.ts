import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { AUTHOR, useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

describe("a local repository, served by the git binary", () => {
  const remotes = useGitRemotes();
  let folder = "";
  let made = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-local-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Odd on purpose: a path is data. */
  const create = () => BareRepository.create(join(folder, `repo ${++made}; touch 'x' $(id).git`));
  const request = (files: Record<string, string | undefined>, branch = "status") => ({
    branch,
    files: new Map(Object.entries(files)),
    message: "Record",
    author: AUTHOR,
  });

  it("is fetched, read and committed to like a remote one", async () => {
    const repository = await create();
    const head = await repository.commit({ files: { "p/a.yaml": "a\n" } });
    const remote = await remotes.open({ localPath: repository.path });

    expect(await remote.fetch("main")).toBe(head);
    expect((await remote.readTree(head, "p")).map(({ path }) => path)).toEqual(["p/a.yaml"]);
    await remote.commitIfChanged(request({ a: "1" }));
    await repository.commit({ branch: "status", files: { b: "theirs" } });
    const outcome = await remote.commitIfChanged(request({ a: "2" }));

    expect(await repository.readTree("status")).toEqual({ a: "2", b: "theirs" });
    expect(await remote.isDescendant(head, outcome.revision ?? "")).toBe(false);
    await repository.git(["fsck", "--strict", "--full"]);
  });

  it("keeps its hooks and their words", async () => {
    const repository = await create();
    const hook = join(repository.path, "hooks", "pre-receive");
    await writeFile(hook, "#!/bin/sh\necho 'frozen by hook' >&2\nexit 1\n", { mode: 0o755 });
    const remote = await remotes.open({ localPath: repository.path });

    const refused = remote.commitIfChanged({ ...request({ a: "1" }), deadlineMs: 500 });

    await expect(refused).rejects.toMatchObject({ code: "GitPushRejected" });
    await expect(refused).rejects.toThrow("frozen by hook");
    expect(await repository.branches()).toEqual([]);
  });

  it("ends at the deadline when a hook never ends, and leaves nothing running", async () => {
    const repository = await create();
    const hook = join(repository.path, "hooks", "pre-receive");
    await writeFile(hook, `#!/bin/sh\necho $$ > ${join(folder, "hook.pid")}\nexec sleep 300\n`, { mode: 0o755 });
    const remote = await remotes.open({ localPath: repository.path }, { limits: { idleMs: 4_000 } });

    await expect(remote.commitIfChanged({ ...request({ a: "1" }), deadlineMs: 300 })).rejects.toMatchObject({
      code: "GitTimeout",
    });

    const pid = (await readFile(join(folder, "hook.pid"), "utf8")).trim();
    await expect.poll(() => stateOf(pid)).toMatch(/gone|zombie/);
  });

  it("tells empty, missing and no repository apart, and refuses a relative path", async () => {
    const repository = await create();
    const plain = await mkdtemp(join(folder, "plain-"));
    const open = (localPath: string) => remotes.open({ localPath });

    await expect((await open(repository.path)).fetch("main")).rejects.toMatchObject({ code: "GitEmpty" });
    await expect((await open(join(folder, "none"))).fetch("main")).rejects.toMatchObject({ code: "GitNotFound" });
    await expect((await open(plain)).fetch("main")).rejects.toMatchObject({ code: "GitNotFound" });
    await expect(open("relative/path.git")).rejects.toMatchObject({ code: "InvalidSpec" });
    await expect(remotes.open({ url: `file://${repository.path}` })).rejects.toMatchObject({ code: "InvalidSpec" });
    await expect(remotes.open({ url: "ssh://git@host/x" })).rejects.toMatchObject({ code: "InvalidSpec" });
  });

  it("says that the git binary is needed where there is none", async () => {
    const repository = await create();
    const remote = await remotes.open({ localPath: repository.path }, { gitSearchPath: folder });

    await expect(remote.fetch("main")).rejects.toThrow("needs the git binary");
  });
});

/** By Linux's own account of a process. */
async function stateOf(pid: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "gone");
  return /State:.*\((\w+)\)/.exec(status)?.[1] ?? "gone";
}

describe("the cache folder", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  it("may be damaged or emptied by someone: it is said, and the next fetch mends it", async () => {
    const { url, repository } = await server.createRepository();
    const head = await repository.commit({ files: { a: "a".repeat(5000) } });
    const next = async () => await repository.commit({ files: { b: `${Math.random()}` } });
    const remote = await remotes.open({ url });
    await remote.fetch("main");
    const names = await readdir(remotes.cacheDir, { recursive: true });
    const pack = join(remotes.cacheDir, names.find((name) => name.endsWith(".pack")) ?? "");

    await writeFile(pack, Buffer.alloc(300, 0x9f));
    await expect(remote.readTree(head, "")).rejects.toMatchObject({ code: "GitRevisionMissing" });
    expect(await remote.fetch("main")).toBe(head);
    expect(await remote.readTree(head, "")).toHaveLength(1);

    await rm(join(remotes.cacheDir, "git"), { recursive: true });
    const later = await next();
    const outcome = await remote.fetch("main").catch((error: unknown) => error);
    if (outcome !== later) expect(await remote.fetch("main")).toBe(later);
    expect(await remote.readTree(later, "")).toHaveLength(2);
  });

  it("is cleared of clones whose process is gone, and of no others", async () => {
    const root = join(remotes.cacheDir, "git");
    const names = {
      gone: `${hostname()}.4194305.00aa`, // beyond the largest process id there can be
      alive: `${hostname()}.${process.ppid}.00bb`,
      elsewhere: "another-host.4194305.00cc",
      foreign: "not-a-clone",
    };
    for (const name of Object.values(names)) await mkdir(join(root, name, "clone-1"), { recursive: true });

    await remotes.open({ url: "http://127.0.0.1:9/x.git" });

    const left = await readdir(root);
    expect(left).not.toContain(names.gone);
    expect(left).toEqual(expect.arrayContaining([names.alive, names.elsewhere, names.foreign]));
    expect(left.filter((name) => name.startsWith(`${hostname()}.${process.pid}.`))).toHaveLength(1);
  });
});
