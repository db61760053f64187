import { isTestbedError } from "../errors.ts";
import { fastImportStream, type NewCommit } from "./fast-import.ts";
import { runGit } from "./run-git.ts";

/** A commit as `log` tells it. */
export interface LoggedCommit {
  readonly oid: string;
  readonly subject: string;
  /** The whole message. */
  readonly message: string;
  readonly authorName: string;
  readonly authorEmail: string;
}

/** A bare repository in a folder, read and written by the real git, from outside the product. */
export class BareRepository {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Creates an empty repository whose HEAD names `branch`; anyone may push to it over HTTP. */
  static async create(path: string, branch = "main"): Promise<BareRepository> {
    await runGit(["init", "--quiet", "--bare", `--initial-branch=${branch}`, path]);
    await runGit(["--git-dir", path, "config", "http.receivepack", "true"]);
    await runGit(["--git-dir", path, "config", "uploadpack.allowFilter", "true"]);
    return new BareRepository(path);
  }

  /** The repository that is already there. */
  static open(path: string): BareRepository {
    return new BareRepository(path);
  }

  /** Adds a commit on top of the branch (creating it) and resolves to its id. Nothing is checked out. */
  async commit(commit: NewCommit): Promise<string> {
    const branch = commit.branch ?? "main";
    const parent = commit.parent === undefined ? await this.resolve(`refs/heads/${branch}`) : commit.parent;
    const stdin = fastImportStream(commit, branch, parent ?? undefined);
    await this.git(["fast-import", "--quiet", "--force", "--done"], stdin);
    return (await this.git(["rev-parse", `refs/heads/${branch}`])).trim();
  }

  /** The id a revision stands for; undefined when there is none. */
  async resolve(revision: string): Promise<string | undefined> {
    try {
      return (await this.git(["rev-parse", "--verify", "--quiet", `${revision}^{commit}`])).trim();
    } catch (error) {
      if (isTestbedError(error, "RequestFailed")) return undefined;
      throw error;
    }
  }

  /** All files at a revision: path to text. */
  async readTree(revision: string): Promise<Record<string, string>> {
    const names = (await this.git(["ls-tree", "-r", "-z", "--name-only", revision])).split("\0").filter(Boolean);
    const entries = names.map(async (name) => [name, await this.readFile(revision, name)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** One file at a revision. @throws {RequestFailed} when it is not there */
  async readFile(revision: string, path: string): Promise<string> {
    return await this.git(["cat-file", "blob", `${revision}:${path}`]);
  }

  /** The commits of a revision, newest first; none when it does not exist. */
  async log(revision: string): Promise<LoggedCommit[]> {
    if ((await this.resolve(revision)) === undefined) return [];
    const text = await this.git(["log", "-z", "--format=%H%x1f%s%x1f%B%x1f%an%x1f%ae", revision]);
    return text.split("\0").filter(Boolean).map(parseLogged);
  }

  /** The names of all branches. */
  async branches(): Promise<string[]> {
    return (await this.git(["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"])).split("\n").filter(Boolean);
  }

  /** Points a branch at a revision, creating it. */
  async setBranch(branch: string, revision: string): Promise<void> {
    await this.git(["update-ref", `refs/heads/${branch}`, revision]);
  }

  async deleteBranch(branch: string): Promise<void> {
    await this.git(["update-ref", "-d", `refs/heads/${branch}`]);
  }

  /** Runs any git command in the repository. */
  async git(args: readonly string[], stdin?: string | Buffer): Promise<string> {
    const options = stdin === undefined ? {} : { stdin };
    return (await runGit(["--git-dir", this.path, ...args], options)).toString("utf8");
  }
}

function parseLogged(record: string): LoggedCommit {
  const [oid = "", subject = "", message = "", authorName = "", authorEmail = ""] = record.split("\x1f");
  return { oid: oid.trim(), subject, message: message.trimEnd(), authorName, authorEmail };
}
