import { describe, expect, it } from "vitest";
import type { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const HEAD_REF = "refs/pull/7/head";

describe("the test merge of a branch and a pull request", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  async function merged(url: string, path = "policies") {
    const remote = await remotes.open({ url });
    const ours = await remote.fetch("main");
    const theirs = await remote.fetchBeside("main", HEAD_REF);
    const merge = await remote.testMerge({ ours, theirs, path });
    return { remote, merge, contents: merge?.files.map(({ path: at, bytes }) => [at, bytes.toString()]) };
  }

  async function diverged(sides: {
    readonly base: Files;
    readonly ours: Files;
    readonly theirs: Files;
  }): Promise<{ url: string; repository: BareRepository }> {
    const { url, repository } = await server.createRepository();
    const parent = await repository.commit({ files: sides.base });
    await repository.commit({ files: sides.ours });
    await repository.commit({ branch: "change", parent, files: sides.theirs });
    await repository.git(["update-ref", HEAD_REF, "refs/heads/change"]);
    return { url, repository };
  }

  it("takes each file from the side that changed it, deletions too", async () => {
    const { url } = await diverged({
      base: { "policies/a": "1", "policies/b": "1", "policies/c": "1", "policies/deep/d": "1", other: "1" },
      ours: { "policies/a": "ours", "policies/mine": "ours", "policies/c": null },
      theirs: { "policies/b": "theirs", "policies/new/e": "theirs", "policies/deep/d": null, other: "theirs" },
    });

    const { merge, contents } = await merged(url);

    expect(contents).toEqual([
      ["policies/a", "ours"],
      ["policies/b", "theirs"],
      ["policies/mine", "ours"],
      ["policies/new/e", "theirs"],
    ]);
    expect(merge?.changed).toEqual(["policies/b", "policies/deep/d", "policies/new/e"]);
    expect(merge?.conflicts).toEqual([]);
  });

  it("names a file that both sides changed, and keeps the branch's", async () => {
    const { url } = await diverged({
      base: { "policies/a": "1", "policies/b": "1", "policies/same": "1" },
      ours: { "policies/a": "ours", "policies/b": null, "policies/same": "2" },
      theirs: { "policies/a": "theirs", "policies/b": "theirs", "policies/same": "2" },
    });

    const { merge, contents } = await merged(url);

    expect(merge?.conflicts).toEqual(["policies/a", "policies/b"]);
    expect(contents).toEqual([
      ["policies/a", "ours"],
      ["policies/same", "2"],
    ]);
  });

  it("finds where long histories parted", async () => {
    const { url, repository } = await server.createRepository();
    let parent = await repository.commit({ files: { "policies/a": "0", "policies/b": "0" } });
    const fork = parent;
    for (let i = 1; i <= 90; i++) await repository.commit({ files: { "policies/a": `${i}` } });
    for (let i = 1; i <= 70; i++)
      parent = await repository.commit({ branch: "change", parent, files: { "policies/b": `${i}` } });
    await repository.git(["update-ref", HEAD_REF, parent]);

    const { merge, contents } = await merged(url);

    expect(fork).not.toBe(parent);
    expect(merge?.conflicts).toEqual([]);
    expect(contents).toEqual([
      ["policies/a", "90"],
      ["policies/b", "70"],
    ]);
  });

  it("gives no answer for strangers and for histories merged crosswise", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { "policies/a": "1" } });
    const stranger = await repository.commit({ branch: "stranger", parent: null, files: { "policies/a": "2" } });
    await repository.git(["update-ref", HEAD_REF, stranger]);
    const crossed = await crosswise(await server.createRepository());

    expect((await merged(url)).merge).toBeUndefined();
    expect((await merged(crossed)).merge).toBeUndefined();
  });

  async function crosswise({ url, repository }: { url: string; repository: BareRepository }): Promise<string> {
    const root = await repository.commit({ files: { "policies/a": "1" } });
    const left = await repository.commit({ files: { "policies/l": "1" } });
    const right = await repository.commit({ branch: "r", parent: root, files: { "policies/r": "1" } });
    const tree = (await repository.git(["rev-parse", `${left}^{tree}`])).trim();
    const merge = async (first: string, second: string) =>
      (await repository.git([...AS, "commit-tree", tree, "-p", first, "-p", second, "-m", "merge"])).trim();
    await repository.setBranch("main", await merge(left, right));
    await repository.git(["update-ref", HEAD_REF, await merge(right, left)]);
    return url;
  }

  it("agrees with git on random trees", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = numbers(seed);
      const { url, repository } = await diverged({
        base: randomFiles(random, 12),
        ours: randomFiles(random, 4),
        theirs: randomFiles(random, 4),
      });
      const wanted = await byGit(repository);

      const { merge, contents } = await merged(url, "");

      expect(merge?.conflicts.length === 0, `seed ${seed}`).toBe(wanted !== undefined);
      if (wanted !== undefined) expect(Object.fromEntries(contents ?? []), `seed ${seed}`).toEqual(wanted);
    }
  });
});

type Files = Record<string, string | null>;

const AS = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];

/** The files of git's own merge; undefined where it finds a conflict. */
async function byGit(repository: BareRepository): Promise<Record<string, string> | undefined> {
  const tree = await repository.git(["merge-tree", "--write-tree", "main", HEAD_REF]).catch((error: unknown) => {
    if (!/exited 1:/.test(String(error))) throw error;
    return undefined;
  });
  return tree === undefined ? undefined : await repository.readTree(tree.trim());
}

/** Unlike any other content, so that git sees no renames. */
function randomFiles(random: () => number, count: number): Files {
  const files: Files = {};
  for (let i = 0; i < count; i++) {
    const path = `p${Math.floor(random() * 3)}/f${Math.floor(random() * 4)}`;
    files[path] = random() < 0.2 && i > 2 ? null : `\0${random()}\0`;
  }
  return files;
}

/** A small generator, so that a failure can be run again. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
