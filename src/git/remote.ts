/**
 * The Git remote as the rest of Holdfast sees it: heads, trees and files at a commit, who wrote a commit, and a commit
 * on top of the head when something differs. Nothing is ever checked out to disk, and losing the local clone loses
 * nothing. This folder knows nothing of policies, records or Kubernetes: it moves bytes by path.
 */
import type { Clock } from "../clock.ts";

/** A Git commit: 40 lower-case hex digits. */
export type Revision = string;

/** How to sign in. A token travels as the password of Basic authentication (GitHub, GitLab, Gitea, Azure DevOps). */
export type GitCredentials =
  | { readonly type: "password"; readonly username: string; readonly password: string }
  | { readonly type: "token"; readonly token: string; readonly username?: string }
  | { readonly type: "bearer"; readonly token: string };

/** A private key that signs commits. */
export interface SigningKey {
  /** OpenSSH's format, PEM, or an armored OpenPGP key. */
  readonly text: string;
  readonly passphrase?: string;
}

/** Where a conversation with a remote ends. All times in ms, sizes in bytes. */
export interface GitLimits {
  /** From the first SYN to a usable connection, TLS included: 10 s. */
  readonly connectMs: number;
  /** Silence in either direction, also before the first byte of an answer: 60 s. */
  readonly idleMs: number;
  /** One fetch or one push, all its requests together: 5 min. */
  readonly wholeMs: number;
  /** What one operation may receive: 512 MiB. */
  readonly maxBytes: number;
}

export const DEFAULT_LIMITS: GitLimits = {
  connectMs: 10_000,
  idleMs: 60_000,
  wholeMs: 300_000,
  maxBytes: 512 * 1024 * 1024,
};

/** Either a URL (http or https) or the path of a local repository, served by the `git` binary. */
export type GitLocation = { readonly url: string } | { readonly localPath: string };

export interface RemoteOptions {
  readonly location: GitLocation;
  readonly credentials?: GitCredentials;
  /** Below it each process makes a folder of its own; nothing in it needs to be kept. */
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly limits?: Partial<GitLimits>;
  /** PEM certificates to trust besides the default ones. */
  readonly caBundle?: string;
  /** Where the `git` binary of a local path is looked for; a list like PATH. */
  readonly gitSearchPath?: string;
  /** Keys that vouch for commits: authorized keys of SSH, armored OpenPGP keys. Without any, every commit is believed. */
  readonly verifyKeys?: readonly string[];
  /** Signs every commit that is made here. */
  readonly signingKey?: SigningKey;
  /** Told the wire cost of each operation; for metrics and the bench. */
  readonly onTraffic?: (traffic: GitTraffic) => void;
}

/** What one operation put on the wire, heads and bodies without TLS. */
export interface GitTraffic {
  readonly operation: "heads" | "fetch" | "push" | "history";
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** A regular file at a revision. `path` is relative to the root of the repository, with `/`. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly mode: "100644" | "100755";
}

/** A name in a folder at a revision; contents are not read. */
export interface FolderEntry {
  readonly name: string;
  readonly type: "file" | "folder" | "other";
}

export interface CommitAuthor {
  readonly name: string;
  readonly email: string;
}

/** A signature as it stands in a commit, with the bytes it was made over. */
export interface CommitSignature {
  readonly format: "ssh" | "openpgp" | "x509" | "unknown";
  readonly armored: string;
  /** The commit without its `gpgsig` header. */
  readonly payload: Buffer;
}

export interface CommitInfo {
  readonly revision: Revision;
  readonly tree: string;
  readonly parents: readonly Revision[];
  readonly author: CommitAuthor & { readonly timeMs: number };
  readonly committer: CommitAuthor & { readonly timeMs: number };
  /** Subject, body and trailers, as written. */
  readonly message: string;
  readonly signature: CommitSignature | undefined;
}

/** Path → new content; `undefined` deletes the file, or the folder with all that is in it. */
export type FileChanges = ReadonlyMap<string, string | Uint8Array | undefined>;

/** The branch as it stands at the head that is about to be built on. */
export interface BranchView {
  /** Undefined while the branch does not exist. */
  readonly revision: Revision | undefined;
  readFile(path: string): Promise<Buffer | undefined>;
  listFolder(path: string): Promise<readonly FolderEntry[]>;
  commitInfo(): Promise<CommitInfo | undefined>;
}

/** Signs the bytes of a commit and returns the armored text for its `gpgsig` header. */
export type CommitSigner = (payload: Uint8Array) => string | Promise<string>;

export interface CommitRequest {
  readonly branch: string;
  /**
   * The files to write, or what makes them from the head: called again for each new head after a lost race, so that
   * an index can be made from what stands there. What it throws ends the commit with nothing pushed.
   */
  readonly files: FileChanges | ((head: BranchView) => FileChanges | Promise<FileChanges>);
  readonly message: string;
  readonly author: CommitAuthor;
  /** What an absent branch becomes: a root commit of its own (the default), or an error. */
  readonly whenAbsent?: "orphan" | "fail";
  /** How long to go on after lost races and refused pushes: 60 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** `unchanged`: every byte stood there already and nothing was pushed; `revision` is undefined for an absent branch. */
export type CommitOutcome =
  | {
      readonly type: "committed";
      readonly revision: Revision;
      readonly paths: readonly string[];
      readonly attempts: number;
    }
  | { readonly type: "unchanged"; readonly revision: Revision | undefined };

/** An entry that is never read, and why. */
export interface RefusedEntry {
  readonly path: string;
  readonly type: "symlink" | "submodule" | "size";
  readonly why: string;
}

export interface ReadTreeOptions {
  /** Tells a file that is wanted from one that is skipped unread, whatever its size; links are refused all the same. */
  readonly wanted?: (path: string) => boolean;
  /** Told of a symlink, a submodule or a large file, so that what lies beside it is read; without it each is an error. */
  readonly onRefused?: (entry: RefusedEntry) => void;
  readonly signal?: AbortSignal;
}

/** Two heads: that of the branch, and that which would be merged into it. */
export interface TestMergeRequest {
  readonly ours: Revision;
  readonly theirs: Revision;
  readonly path: string;
}

export interface TestMerge {
  /** Every regular file under the path, as after the merge, sorted by path; a file in conflict is as in `ours`. */
  readonly files: readonly TreeFile[];
  /** Paths that the merge changes, deletions too. */
  readonly changed: readonly string[];
  /** Paths that both sides changed, each its own way. */
  readonly conflicts: readonly string[];
}

export interface LogOptions {
  /** Only commits that changed something under this path, against their first parent. */
  readonly path?: string;
  /** Stops after so many commits: 1,000. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** One file that a commit changed; undefined where there is none. */
export interface FileChange {
  readonly path: string;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
}

/** What one commit changed against its first parent. */
export interface CommitChanges {
  readonly commit: CommitInfo;
  /** What a merge brought, newest first, at most 20; empty for a commit that is none. */
  readonly merged: readonly CommitInfo[];
  readonly files: readonly FileChange[];
}

export interface ChangesOptions {
  /** Below this path; empty for the whole tree. */
  readonly path: string;
  /** Stops after so many commits that changed something: 1,000. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/**
 * One remote repository. Branches may also be full ref names (`refs/pull/7/merge`). Reads are answered from the local
 * clone of a revision that `fetch` or `commitIfChanged` returned; those two talk to the remote. Safe to call
 * concurrently: one branch does one thing at a time.
 */
export interface GitRemote {
  /** Where it is, without credentials: for messages and records. */
  readonly url: string;

  /**
   * The branch's head on the remote; nothing is downloaded. Undefined when there is no such branch.
   * @throws {GitNotFound | GitAuth | GitUnreachable | GitTimeout | GitRedirectRefused}
   */
  head(branch: string, signal?: AbortSignal): Promise<Revision | undefined>;

  /**
   * Brings the branch's head into the local clone and returns it. An unchanged head downloads nothing.
   * @throws {GitEmpty | GitBranchMissing | GitNotFound | GitAuth | GitUnreachable | GitTimeout | GitRedirectRefused | GitTooLarge}
   */
  fetch(branch: string, signal?: AbortSignal): Promise<Revision>;

  /**
   * Every regular file under `path` (empty: the whole tree), sorted by path.
   * @throws {GitPathMissing} when there is no such path
   * @throws {GitEntryRefused} naming the path: symlink, submodule, file over 1 MiB, more than 10,000 files
   * @throws {GitRevisionMissing} when the revision was never fetched, or its clone was replaced since
   */
  readTree(revision: Revision, path: string, options?: ReadTreeOptions): Promise<readonly TreeFile[]>;

  /** One file; undefined when there is none at that path. @throws {GitRevisionMissing | GitEntryRefused} */
  readFile(revision: Revision, path: string): Promise<Buffer | undefined>;

  /** The names in one folder, sorted; empty when there is no such folder. @throws {GitRevisionMissing} */
  listFolder(revision: Revision, path: string): Promise<readonly FolderEntry[]>;

  /**
   * Brings the head of another ref (`refs/pull/7/head`) with its files, and without its history, into the clone of a
   * branch that was fetched, and returns it.
   * @throws {GitBranchMissing} when there is no such ref; otherwise as `fetch`
   */
  fetchBeside(branch: string, ref: string, signal?: AbortSignal): Promise<Revision>;

  /**
   * What a merge of two fetched heads would hold under a path: of each file the side that changed it. Nothing is
   * committed, and no text is merged: a file that both sides changed is a conflict. Undefined when the two have no
   * single place where they parted.
   * @throws {GitEntryRefused | GitRevisionMissing} as `readTree`
   */
  testMerge(merge: TestMergeRequest, options?: ReadTreeOptions): Promise<TestMerge | undefined>;

  /** Who made a commit, when, and under which signature. @throws {GitRevisionMissing} */
  commitInfo(revision: Revision): Promise<CommitInfo>;

  /**
   * Believes a commit by the keys this remote was opened with; without keys every commit is believed.
   * @throws {GitCommitUntrusted} for an unsigned, foreign or bad one, with the remedy; @throws {GnuPgFailed, InvalidSpec}
   */
  assertTrusted(revision: Revision): Promise<void>;

  /**
   * Whether `revision` has `ancestor` in its history (a commit descends from itself). Fetches more history of the
   * branch when the clone does not reach back far enough; false means the history was rewritten.
   */
  isDescendant(ancestor: Revision, revision: Revision, signal?: AbortSignal): Promise<boolean>;

  /** History of a fetched revision, newest first, along first parents; fetches what the clone lacks. */
  log(revision: Revision, options?: LogOptions): Promise<readonly CommitInfo[]>;

  /** What the commits of a fetched revision changed, newest first, along first parents; fetches history with its files. */
  changes(revision: Revision, options: ChangesOptions): Promise<readonly CommitChanges[]>;

  /**
   * Puts files on top of the branch's head by one commit, or does nothing when every byte stands there already. Costs
   * what changed, not what is there. A lost race is retried from the new head by applying the files again; never by
   * force, never by merging text. Idempotent: after an unknown outcome the head is read before anything is repeated.
   * @throws {GitPushRejected} when the remote still refuses at the deadline, with its words in `why`
   * @throws {GitBranchMissing} when the branch is absent and `whenAbsent` is `fail`
   */
  commitIfChanged(request: CommitRequest): Promise<CommitOutcome>;

  /** Removes the local clone of a branch that is not needed for long; what asks for the branch next fetches it anew. */
  release(branch: string): Promise<void>;

  /** Ends connections and removes this process's clones. */
  close(): Promise<void>;
}
