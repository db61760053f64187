/** Gitea and Forgejo. */
import { giteaApi } from "gitea-js";
import type { CommitStatus, Forge, ForgeComment, ForgeOptions, PullRequest } from "./forge.ts";
import { encodePath, forgeError, orAbsent, orUntold, wasEdited } from "./forge-answer.ts";
import { createForgeFetch } from "./forge-fetch.ts";

/** Gitea's own limit of a page. */
const PAGE = 50;
/** More than any repository has; against a server that never says that a page is the last. */
const MAX_PAGES = 100;

/** Opens one repository. */
export function openGitea({ apiUrl, webUrl, project, token, signal }: ForgeOptions): Forge {
  const [owner = "", repo = ""] = project.split("/");
  const customFetch = createForgeFetch(signal);
  const { repos, user } = giteaApi(apiUrl, { customFetch, ...(token === undefined ? {} : { token }) });
  const { host } = new URL(apiUrl);

  async function asked<T>(what: string, run: () => Promise<{ readonly data: T }>): Promise<T> {
    try {
      return (await run()).data;
    } catch (thrown) {
      throw translated(host, what, thrown);
    }
  }

  async function paged<T>(what: string, page: (number: number) => Promise<{ readonly data: T[] }>): Promise<T[]> {
    const all: T[] = [];
    for (let number = 1; number <= MAX_PAGES; number++) {
      const some = await asked(what, () => page(number));
      all.push(...some);
      if (some.length < PAGE) break;
    }
    return all;
  }

  const list = (state: "open" | "closed", page: number) => {
    const query = { state, sort: "recentupdate", page, limit: PAGE } as const;
    return repos.repoListPullRequests(owner, repo, query);
  };

  return {
    type: "gitea",
    open: async (base) => {
      const told = await paged("list pull requests", (page) => list("open", page));
      return told.filter((each) => each.base?.ref === base).map(pullRequestOf);
    },
    merged: async (base) => {
      const told = await asked("list pull requests", () => list("closed", 1));
      return told.filter((each) => each.merged === true && each.base?.ref === base).map(pullRequestOf);
    },
    get: (number) =>
      orAbsent(async () =>
        pullRequestOf(await asked("read a pull request", () => repos.repoGetPullRequest(owner, repo, number))),
      ),
    // one answer has them all: Gitea pages no comments
    async *comments(number) {
      const told = await asked("read comments", () => repos.issueGetComments(owner, repo, number, {}));
      yield* told.map(commentOf);
    },
    addComment: async (number, body) =>
      commentOf(await asked("comment", () => repos.issueCreateComment(owner, repo, number, { body }))),
    editComment: async (_number, id, body) =>
      await wasEdited(() => asked("edit a comment", () => repos.issueEditComment(owner, repo, id, { body }))),
    self: () => orUntold(async () => (await asked("say whose token it is", () => user.userGetCurrent())).login),
    statuses: async (revision) => {
      const told = await asked("read commit statuses", () =>
        repos.repoGetCombinedStatusByRef(owner, repo, revision, {}),
      );
      return (told.statuses ?? []).map(({ context = "", status, description = "" }) => ({
        context,
        state: status === "success" ? "success" : "failure",
        description,
      }));
    },
    setStatus: async (revision, { context, state, description, url }: CommitStatus) => {
      const status = { context, state, description, target_url: url };
      await asked("set a commit status", () => repos.repoCreateStatus(owner, repo, revision, status));
    },
    fileUrl: (branch, path) => `${webUrl}/src/branch/${encodePath(branch)}/${encodePath(path)}`,
  };
}

/** What Gitea says of a pull request; the library has every field optional. */
interface Told {
  readonly number?: number;
  readonly html_url?: string;
  readonly state?: string;
  readonly draft?: boolean;
  readonly merged?: boolean;
  readonly merge_commit_sha?: string;
  readonly head?: { readonly ref?: string; readonly sha?: string; readonly repo_id?: number };
  readonly base?: { readonly ref?: string; readonly repo_id?: number };
}

function pullRequestOf(told: Told): PullRequest {
  const number = told.number ?? 0;
  const state = told.merged === true ? "merged" : told.state === "open" ? "open" : "closed";
  return {
    number,
    url: told.html_url ?? "",
    state,
    isDraft: told.draft === true,
    isFork: told.head?.repo_id !== told.base?.repo_id,
    head: { branch: told.head?.ref ?? "", revision: told.head?.sha ?? "" },
    base: { branch: told.base?.ref ?? "" },
    headRef: `refs/pull/${number}/head`,
    mergeRef: undefined,
    mergedRevision: state === "merged" ? told.merge_commit_sha : undefined,
  };
}

function commentOf(told: {
  readonly id?: number;
  readonly body?: string;
  readonly html_url?: string;
  readonly user?: { readonly login?: string };
}): ForgeComment {
  return { id: told.id ?? 0, body: told.body ?? "", author: told.user?.login ?? "", url: told.html_url ?? "" };
}

/** The library throws the response itself where its status is no success. */
function translated(host: string, what: string, thrown: unknown): unknown {
  if (!(thrown instanceof Response)) return thrown;
  const { error } = thrown as { readonly error?: { readonly message?: string } };
  const message = typeof error?.message === "string" ? error.message : thrown.statusText;
  return forgeError(what, { host, status: thrown.status, message }, undefined);
}
