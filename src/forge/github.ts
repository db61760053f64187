/** GitHub and GitHub Enterprise Server. */
import { Octokit } from "@octokit/rest";
import { CodedError } from "../errors.ts";
import type { CommitStatus, Forge, ForgeComment, ForgeOptions, PullRequest, StatusState } from "./forge.ts";
import { encodePath, forgeError, orAbsent, orUntold, wasEdited } from "./forge-answer.ts";
import { createForgeFetch } from "./forge-fetch.ts";

const PAGE = 100;
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Opens one repository. */
export function openGitHub({ apiUrl, webUrl, project, token, signal }: ForgeOptions): Forge {
  const [owner = "", repo = ""] = project.split("/");
  const octokit = new Octokit({
    baseUrl: apiUrl,
    ...(token === undefined ? {} : { auth: token }),
    log: QUIET,
    userAgent: "holdfast",
    request: { fetch: createForgeFetch(signal) },
  });
  const host = new URL(apiUrl).host;
  const at = { owner, repo };

  async function asked<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw translated(host, what, error);
    }
  }

  return {
    type: "github",
    open: (base) =>
      asked("list pull requests", async () => {
        const query = { ...at, base, state: "open", per_page: PAGE } as const;
        return (await octokit.paginate(octokit.pulls.list, query)).map(pullRequestOf);
      }),
    merged: (base) =>
      asked("list pull requests", async () => {
        const query = { ...at, base, state: "closed", sort: "updated", direction: "desc", per_page: 30 } as const;
        const { data } = await octokit.pulls.list({ ...query });
        return data.map(pullRequestOf).filter(({ state }) => state === "merged");
      }),
    get: (number) =>
      orAbsent(() =>
        asked("read a pull request", async () =>
          pullRequestOf((await octokit.pulls.get({ ...at, pull_number: number })).data),
        ),
      ),
    async *comments(number) {
      const query = { ...at, issue_number: number, per_page: PAGE };
      const pages = octokit.paginate.iterator(octokit.issues.listComments, query)[Symbol.asyncIterator]();
      for (;;) {
        const next = await asked("read comments", () => pages.next());
        if (next.done === true) return;
        yield* next.value.data.map(commentOf);
      }
    },
    addComment: (number, body) =>
      asked("comment", async () =>
        commentOf((await octokit.issues.createComment({ ...at, issue_number: number, body })).data),
      ),
    editComment: async (_number, id, body) =>
      await wasEdited(() =>
        asked("edit a comment", () => octokit.issues.updateComment({ ...at, comment_id: id, body })),
      ),
    self: () =>
      orUntold(() => asked("say whose token it is", async () => (await octokit.users.getAuthenticated()).data.login)),
    statuses: (revision) =>
      asked("read commit statuses", async () => {
        const query = { ...at, ref: revision, per_page: PAGE };
        const { data } = await octokit.repos.getCombinedStatusForRef(query);
        return data.statuses.map(({ context, state, description }) => ({
          context,
          state: (state === "success" ? "success" : "failure") satisfies StatusState,
          description: description ?? "",
        }));
      }),
    setStatus: (revision, { context, state, description, url }: CommitStatus) =>
      asked("set a commit status", async () => {
        const status = { state, context, description, target_url: url };
        await octokit.repos.createCommitStatus({ ...at, sha: revision, ...status });
      }),
    fileUrl: (branch, path) => `${webUrl}/blob/${encodePath(branch)}/${encodePath(path)}`,
  };
}

/** What GitHub says of a pull request, in a list as by itself. */
interface Told {
  readonly number: number;
  readonly html_url: string;
  readonly state: string;
  readonly draft?: boolean | undefined;
  readonly merged_at: string | null;
  readonly merge_commit_sha: string | null;
  readonly head: { readonly ref: string; readonly sha: string; readonly repo: { readonly full_name: string } | null };
  readonly base: { readonly ref: string; readonly repo: { readonly full_name: string } };
}

function pullRequestOf(told: Told): PullRequest {
  const state = told.merged_at !== null ? "merged" : told.state === "open" ? "open" : "closed";
  return {
    number: told.number,
    url: told.html_url,
    state,
    isDraft: told.draft === true,
    // the head's repository is null when the fork is gone
    isFork: told.head.repo?.full_name !== told.base.repo.full_name,
    head: { branch: told.head.ref, revision: told.head.sha },
    base: { branch: told.base.ref },
    headRef: `refs/pull/${told.number}/head`,
    mergeRef: `refs/pull/${told.number}/merge`,
    mergedRevision: state === "merged" ? (told.merge_commit_sha ?? undefined) : undefined,
  };
}

function commentOf(told: {
  readonly id: number;
  readonly body?: string | undefined;
  readonly html_url: string;
  readonly user: { readonly login: string } | null;
}): ForgeComment {
  return { id: told.id, body: told.body ?? "", author: told.user?.login ?? "", url: told.html_url };
}

function translated(host: string, what: string, error: unknown): unknown {
  if (error instanceof CodedError) return error;
  const { status, message, cause } = error as { status?: unknown; message?: unknown; cause?: unknown };
  // what our own fetch threw comes wrapped
  if (cause instanceof CodedError) return cause;
  if (typeof status !== "number") return error;
  return forgeError(what, { host, status, message: String(message) }, error);
}
