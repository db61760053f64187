/**
 * Pull requests as the rest of Holdfast sees them, on whatever forge they are: which are open, one comment of ours on
 * each, and commit statuses. This folder knows nothing of plans or Kubernetes, and nothing here reads or writes Git.
 */

export type ForgeType = "github" | "gitlab" | "gitea";

/** One pull request, or merge request. */
export interface PullRequest {
  readonly number: number;
  /** The page for people. */
  readonly url: string;
  readonly state: "open" | "merged" | "closed";
  readonly isDraft: boolean;
  /** Whether its head is in another repository. */
  readonly isFork: boolean;
  readonly head: { readonly branch: string; readonly revision: string };
  readonly base: { readonly branch: string };
  /** The ref of the tracked repository under which the head can be fetched. */
  readonly headRef: string;
  /** The ref of the forge's own test merge, where it makes one; it may lag behind. */
  readonly mergeRef: string | undefined;
  /** The commit the base branch got by the merge; undefined until then. */
  readonly mergedRevision: string | undefined;
}

/** A comment on a pull request. */
export interface ForgeComment {
  readonly id: number;
  readonly body: string;
  readonly author: string;
  readonly url: string;
}

/** States of a commit that end: one that waits would hold a merge for ever after a crash. */
export type StatusState = "success" | "failure";

/** What one check says of a commit. */
export interface CommitStatus {
  /** Such as `holdfast/plan`: what branch protection names. */
  readonly context: string;
  readonly state: StatusState;
  readonly description: string;
  readonly url: string;
}

/** One repository on a forge. Every method may throw {ForgeUnreachable | ForgeAuth | ForgeNotFound | ForgeRejected}. */
export interface Forge {
  readonly type: ForgeType;
  /** Open pull requests into a branch. */
  open(base: string): Promise<readonly PullRequest[]>;
  /** The pull requests into a branch that were merged last, newest first; a page of them. */
  merged(base: string): Promise<readonly PullRequest[]>;
  /** One pull request; undefined when there is none of this number. */
  get(number: number): Promise<PullRequest | undefined>;
  /** Comments, oldest first; pages are asked for as they are read. */
  comments(number: number): AsyncIterable<ForgeComment>;
  addComment(number: number, body: string): Promise<ForgeComment>;
  /** False when the comment is gone or not ours to edit. */
  editComment(number: number, id: number, body: string): Promise<boolean>;
  /** The name the token acts under; undefined where the forge does not tell (tokens of CI jobs). */
  self(): Promise<string | undefined>;
  /** The newest status of each context of a commit. */
  statuses(revision: string): Promise<readonly Pick<CommitStatus, "context" | "state" | "description">[]>;
  setStatus(revision: string, status: CommitStatus): Promise<void>;
  /** The page of a file on a branch. */
  fileUrl(branch: string, path: string): string;
}

export interface ForgeOptions {
  readonly type: ForgeType;
  /** The API's root, such as `https://api.github.com` or `https://gitlab.example.com`. */
  readonly apiUrl: string;
  /** The repository's page, without a slash at the end. */
  readonly webUrl: string;
  /** `owner/name`; on GitLab any depth of groups. */
  readonly project: string;
  readonly token: string | undefined;
  /** Ends whatever is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Opens one repository of a forge; nothing is asked of it yet. The client library is loaded with the first call. */
export async function openForge(options: ForgeOptions): Promise<Forge> {
  switch (options.type) {
    case "github":
      return (await import("./github.ts")).openGitHub(options);
    case "gitlab":
      return (await import("./gitlab.ts")).openGitLab(options);
    case "gitea":
      return (await import("./gitea.ts")).openGitea(options);
  }
}
