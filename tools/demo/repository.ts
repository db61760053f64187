import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "./run.ts";

const IDENTITY = [
  "-c",
  "user.name=Platform Engineer",
  "-c",
  "user.email=platform@shop.example",
  "-c",
  "commit.gpgsign=false",
];

/** A bare repository as the remote, and a working copy as the platform engineer has it. */
export interface DemoRepository {
  readonly bare: string;
  /** Commits files on a branch (made from `main` where it is new) and pushes it. */
  commit(branch: string, files: Readonly<Record<string, string>>, message: string): Promise<void>;
  /** Merges a branch into `main` and pushes: what a forge does when the pull request is merged. */
  merge(branch: string): Promise<void>;
  log(branch: string): Promise<string>;
  show(branch: string, path: string): Promise<string>;
  /** Every path on a branch, a line each; nothing where there is no such branch yet. */
  files(branch: string): Promise<string>;
}

/** Makes both below `folder`, with the files of `template` as the first commit. */
export async function createRepository(folder: string, template: string): Promise<DemoRepository> {
  const bare = join(folder, "gitops.git");
  const work = join(folder, "gitops");
  const git = (...args: string[]): Promise<string> => run("git", ["-C", work, ...IDENTITY, ...args]);
  await run("git", ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
  await run("git", ["clone", "--quiet", bare, work]);
  await cp(template, work, { recursive: true });

  const push = async (branch: string, message: string): Promise<void> => {
    await git("add", "--all");
    await git("commit", "--quiet", "-m", message);
    await git("push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
  };

  return {
    bare,
    commit: async (branch, files, message) => {
      if (branch !== "main") await git("checkout", "--quiet", "-B", branch, "main");
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(work, path)), { recursive: true });
        await writeFile(join(work, path), text);
      }
      await push(branch, message);
    },
    merge: async (branch) => {
      await git("checkout", "--quiet", "main");
      await git("merge", "--quiet", "--no-ff", "-m", `Merge pull request: ${branch}`, branch);
      await git("push", "--quiet", "origin", "main");
    },
    log: (branch) => run("git", ["-C", bare, "log", "--graph", "--format=%h %an: %s", branch]),
    show: (branch, path) => run("git", ["-C", bare, "show", `${branch}:${path}`]),
    files: async (branch) => {
      const exists = (await run("git", ["-C", bare, "branch", "--list", branch])).trim() !== "";
      return exists ? await run("git", ["-C", bare, "ls-tree", "-r", "--name-only", branch]) : "";
    },
  };
}

/** The RestorePlan of the demo, for one backup. */
export async function restorePlan(template: string, backup: string): Promise<string> {
  return (await readFile(template, "utf8")).replace("__BACKUP__", backup);
}
