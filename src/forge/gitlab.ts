/** GitLab. A merge request is a pull request here, and a note is a comment. */
import {
  createRequesterFn,
  type FormattedResponse,
  type RequestOptions,
  type ResponseBodyTypes,
} from "@gitbeaker/requester-utils";
import { Gitlab } from "@gitbeaker/rest";
import { isCoded } from "../errors.ts";
import type { CommitStatus, Forge, ForgeComment, ForgeOptions, PullRequest } from "./forge.ts";
import { encodePath, forgeError, orAbsent, orUntold, wasEdited } from "./forge-answer.ts";
import { createForgeFetch } from "./forge-fetch.ts";

const PAGE = 100;
/** Notes of one merge request that are looked through for ours. */
const MAX_PAGES = 100;

/** Opens one project. */
export function openGitLab({ apiUrl, webUrl, project, token, signal }: ForgeOptions): Forge {
  const api = new Gitlab({
    host: apiUrl,
    ...(token === undefined ? {} : { token }),
    // our own way of asking: the library's waits microseconds between ten tries, and has no limit of size
    requesterFn: createRequesterFn(
      async (_resource, options) => options,
      createHandler(new URL(apiUrl).host, createForgeFetch(signal)),
    ),
  });

  return {
    type: "gitlab",
    open: async (base) => {
      const query = { projectId: project, targetBranch: base, state: "opened", perPage: PAGE } as const;
      return (await api.MergeRequests.all(query)).map((told) => pullRequestOf(told as unknown as Told));
    },
    merged: async (base) => {
      const query = { projectId: project, targetBranch: base, state: "merged", orderBy: "updated_at" } as const;
      const told = await api.MergeRequests.all({ ...query, sort: "desc", perPage: 30, maxPages: 1 });
      return told.map((each) => pullRequestOf(each as unknown as Told));
    },
    get: (number) =>
      orAbsent(async () => pullRequestOf((await api.MergeRequests.show(project, number)) as unknown as Told)),
    async *comments(number) {
      for (let page = 1; page <= MAX_PAGES; page++) {
        const query = { sort: "asc", orderBy: "created_at", perPage: PAGE, page, maxPages: 1 } as const;
        const notes = await api.MergeRequestNotes.all(project, number, query);
        yield* notes
          .filter(({ system }) => !system)
          .map((note) => commentOf(note, `${webUrl}/-/merge_requests/${number}`));
        if (notes.length < PAGE) return;
      }
    },
    addComment: async (number, body) =>
      commentOf(await api.MergeRequestNotes.create(project, number, body), `${webUrl}/-/merge_requests/${number}`),
    editComment: async (number, id, body) =>
      await wasEdited(() => api.MergeRequestNotes.edit(project, number, id, { body })),
    self: () => orUntold(async () => (await api.Users.showCurrentUser()).username),
    statuses: async (revision) => {
      const told = await api.Commits.allStatuses(project, revision);
      return told.map(({ name, status, description }) => ({
        context: name,
        state: status === "success" ? "success" : "failure",
        description: description ?? "",
      }));
    },
    setStatus: async (revision, { context, state, description, url }: CommitStatus) => {
      const options = { context, description, targetUrl: url };
      await api.Commits.editStatus(project, revision, state === "success" ? "success" : "failed", options).catch(
        (error: unknown) => {
          // a status that stands as it is asked for is refused with these words
          if (!isCoded(error, "ForgeRejected") || !/cannot transition status/i.test(error.message)) throw error;
        },
      );
    },
    fileUrl: (branch, path) => `${webUrl}/-/blob/${encodePath(branch)}/${encodePath(path)}`,
  };
}

/** What GitLab says of a merge request. */
interface Told {
  readonly iid: number;
  readonly web_url: string;
  readonly state: string;
  readonly draft: boolean;
  readonly sha: string;
  readonly source_branch: string;
  readonly target_branch: string;
  readonly source_project_id: number | null;
  readonly target_project_id: number;
  readonly merge_commit_sha: string | null;
  readonly squash_commit_sha: string | null;
}

function pullRequestOf(told: Told): PullRequest {
  const state =
    told.state === "opened" || told.state === "locked" ? "open" : told.state === "merged" ? "merged" : "closed";
  return {
    number: told.iid,
    url: told.web_url,
    state,
    isDraft: told.draft,
    isFork: told.source_project_id !== told.target_project_id,
    head: { branch: told.source_branch, revision: told.sha },
    base: { branch: told.target_branch },
    headRef: `refs/merge-requests/${told.iid}/head`,
    mergeRef: `refs/merge-requests/${told.iid}/merge`,
    // a fast-forward merge makes no commit of its own
    mergedRevision: state === "merged" ? (told.merge_commit_sha ?? told.squash_commit_sha ?? told.sha) : undefined,
  };
}

function commentOf(
  note: { readonly id: number; readonly body: string; readonly author: { readonly username: string } },
  page: string,
): ForgeComment {
  return { id: note.id, body: note.body, author: note.author.username, url: `${page}#note_${note.id}` };
}

/** The library's request, made our way. */
function createHandler(host: string, ask: typeof fetch) {
  return async (endpoint: string, options?: Record<string, unknown>): Promise<FormattedResponse> => {
    const { prefixUrl = "", searchParams, method = "GET", headers, body, signal } = (options ?? {}) as RequestOptions;
    const url = new URL(endpoint, prefixUrl.endsWith("/") ? prefixUrl : `${prefixUrl}/`);
    url.search = searchParams ?? "";
    const init = { method, ...(headers === undefined ? {} : { headers }), ...(body === undefined ? {} : { body }) };
    const response = await ask(url, { ...init, signal: signal ?? null });
    const text = await response.text();
    if (!response.ok) {
      const what = `${method.toLowerCase()} ${url.pathname}`;
      throw forgeError(what, { host, status: response.status, message: messageIn(text) }, undefined);
    }
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    const parsed = isJson && text !== "" ? (JSON.parse(text) as ResponseBodyTypes) : text;
    return { body: parsed, headers: Object.fromEntries(response.headers), status: response.status };
  };
}

function messageIn(text: string): string {
  try {
    const { message, error } = JSON.parse(text) as { message?: unknown; error?: unknown };
    const said = message ?? error ?? text;
    return typeof said === "string" ? said : JSON.stringify(said);
  } catch {
    return text;
  }
}
