/**
 * GitHub's and GitLab's APIs as far as our adapters ask, from objects of their documentation: a real HTTP server with
 * their paths, pages and status codes. It keeps what is posted, so that one suite runs on it as on a real forge.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface RecordedPull {
  readonly number: number;
  readonly branch: string;
  readonly base: string;
  readonly isDraft: boolean;
  readonly isFork: boolean;
  readonly revision: string;
  mergedRevision: string | undefined;
}

interface RecordedComment {
  readonly id: number;
  readonly pull: number;
  readonly author: string;
  body: string;
}

interface RecordedStatus {
  readonly context: string;
  readonly state: string;
  readonly description: string;
}

/** What a request is answered with instead, once for each entry. */
export interface RecordedFault {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The state behind the API. */
export class RecordedForge {
  readonly type: "github" | "gitlab";
  readonly pulls: RecordedPull[] = [];
  readonly comments: RecordedComment[] = [];
  readonly statuses = new Map<string, RecordedStatus[]>();
  /** Served first, one a request. */
  readonly faults: RecordedFault[] = [];
  /** `METHOD path` of every request. */
  readonly requests: string[] = [];
  readonly self = "holdfast-bot";
  #server: Server | undefined;
  #ids = 100;

  constructor(type: "github" | "gitlab") {
    this.type = type;
  }

  get url(): string {
    const address = this.#server?.address() as AddressInfo | undefined;
    return `http://127.0.0.1:${address?.port ?? 0}`;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ status, body, headers }) => {
        response.writeHead(status, { "content-type": "application/json", ...headers });
        response.end(body === undefined ? "" : JSON.stringify(body));
      });
    });
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  addComment(pull: number, author: string, body: string): RecordedComment {
    const comment = { id: ++this.#ids, pull, author, body };
    this.comments.push(comment);
    return comment;
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", this.url);
    const path = decodeURIComponent(url.pathname);
    this.requests.push(`${request.method} ${path}`);
    const body = request.method === "GET" ? {} : ((await json(request).catch(() => ({}))) as Body);
    const fault = this.faults.shift();
    if (fault !== undefined) return { status: fault.status, body: { message: "no" }, headers: fault.headers ?? {} };
    const routes = this.type === "github" ? gitHubRoutes(this) : gitLabRoutes(this);
    for (const [method, pattern, run] of routes) {
      const found = pattern.exec(path);
      if (method === request.method && found !== null) return run({ found, url, body });
    }
    return { status: 404, body: { message: "Not Found" } };
  }
}

type Body = Readonly<Record<string, string>>;

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Asked {
  readonly found: RegExpExecArray;
  readonly url: URL;
  readonly body: Body;
}

type Route = readonly [method: string, path: RegExp, run: (asked: Asked) => Answer];

function shape(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../testdata/forge/${name}.json`, import.meta.url), "utf8"));
}

/** A page of a list, with the links that both forges send. */
function paged(all: readonly unknown[], url: URL): Answer {
  const size = Number(url.searchParams.get("per_page") ?? 20);
  const page = Number(url.searchParams.get("page") ?? 1);
  const next = new URL(url);
  next.searchParams.set("page", `${page + 1}`);
  const hasMore = page * size < all.length;
  const headers = {
    ...(hasMore ? { link: `<${next.href}>; rel="next"` } : {}),
    "x-page": `${page}`,
    "x-per-page": `${size}`,
    "x-next-page": hasMore ? `${page + 1}` : "",
    "x-total-pages": `${Math.ceil(all.length / size)}`,
  };
  return { status: 200, body: all.slice((page - 1) * size, page * size), headers };
}

const NOT_FOUND = { status: 404, body: { message: "Not Found" } };

function gitHubRoutes(forge: RecordedForge): readonly Route[] {
  const repo = { ...(shape("github-pull").base as { repo: object }).repo, full_name: "team/ops" };
  const pullOf = (pull: RecordedPull) => ({
    ...shape("github-pull"),
    number: pull.number,
    html_url: `${forge.url}/team/ops/pull/${pull.number}`,
    state: pull.mergedRevision === undefined ? "open" : "closed",
    draft: pull.isDraft,
    merged_at: pull.mergedRevision === undefined ? null : "2026-01-01T00:00:00Z",
    merge_commit_sha: pull.mergedRevision ?? null,
    head: { ref: pull.branch, sha: pull.revision, repo: pull.isFork ? { ...repo, full_name: "other/ops" } : repo },
    base: { ref: pull.base, repo },
  });
  const commentOf = ({ id, body, author }: RecordedComment) => ({
    ...shape("github-comment"),
    id,
    body,
    user: { login: author },
  });
  const base = "/repos/team/ops";
  return [
    ["GET", /^\/user$/, () => ({ status: 200, body: { login: forge.self, id: 1, type: "Bot" } })],
    [
      "GET",
      new RegExp(`^${base}/pulls$`),
      ({ url }) => {
        const { searchParams: query } = url;
        const wanted = forge.pulls.filter(
          (pull) =>
            pull.base === query.get("base") && (pull.mergedRevision === undefined) === (query.get("state") === "open"),
        );
        return paged(wanted.map(pullOf), url);
      },
    ],
    [
      "GET",
      new RegExp(`^${base}/pulls/(\\d+)$`),
      ({ found }) => {
        const pull = forge.pulls.find(({ number }) => number === Number(found[1]));
        return pull === undefined ? NOT_FOUND : { status: 200, body: pullOf(pull) };
      },
    ],
    [
      "GET",
      new RegExp(`^${base}/issues/(\\d+)/comments$`),
      ({ found, url }) => paged(forge.comments.filter(({ pull }) => pull === Number(found[1])).map(commentOf), url),
    ],
    [
      "POST",
      new RegExp(`^${base}/issues/(\\d+)/comments$`),
      ({ found, body }) => ({
        status: 201,
        body: commentOf(forge.addComment(Number(found[1]), forge.self, body.body ?? "")),
      }),
    ],
    [
      "PATCH",
      new RegExp(`^${base}/issues/comments/(\\d+)$`),
      ({ found, body }) => {
        const comment = forge.comments.find(({ id }) => id === Number(found[1]));
        if (comment === undefined) return NOT_FOUND;
        comment.body = body.body ?? "";
        return { status: 200, body: commentOf(comment) };
      },
    ],
    [
      "GET",
      new RegExp(`^${base}/commits/([0-9a-f]+)/status$`),
      ({ found }) => {
        const newest = new Map((forge.statuses.get(found[1] ?? "") ?? []).map((status) => [status.context, status]));
        const statuses = [...newest.values()].map((status) => ({ ...shape("github-status"), ...status }));
        return { status: 200, body: { state: "success", sha: found[1], total_count: statuses.length, statuses } };
      },
    ],
    [
      "POST",
      new RegExp(`^${base}/statuses/([0-9a-f]+)$`),
      ({ found, body }) => {
        const { context = "", state = "", description = "" } = body;
        keep(forge, found[1] ?? "", { context, state, description });
        return { status: 201, body: { ...shape("github-status"), ...body } };
      },
    ],
  ];
}

function keep(forge: RecordedForge, revision: string, status: RecordedStatus): void {
  forge.statuses.set(revision, [...(forge.statuses.get(revision) ?? []), status]);
}

function gitLabRoutes(forge: RecordedForge): readonly Route[] {
  const pullOf = (pull: RecordedPull) => ({
    ...shape("gitlab-merge-request"),
    iid: pull.number,
    web_url: `${forge.url}/team/ops/-/merge_requests/${pull.number}`,
    state: pull.mergedRevision === undefined ? "opened" : "merged",
    draft: pull.isDraft,
    sha: pull.revision,
    source_branch: pull.branch,
    target_branch: pull.base,
    source_project_id: pull.isFork ? 9 : 2,
    merge_commit_sha: pull.mergedRevision ?? null,
  });
  const noteOf = ({ id, body, author }: RecordedComment) => ({
    ...shape("gitlab-note"),
    id,
    body,
    author: { ...(shape("gitlab-note").author as object), username: author },
  });
  const base = "/api/v4/projects/team/ops";
  return [
    ["GET", /^\/api\/v4\/user$/, () => ({ status: 200, body: { id: 1, username: forge.self, name: "Bot" } })],
    [
      "GET",
      new RegExp(`^${base}/merge_requests$`),
      ({ url }) => {
        const { searchParams: query } = url;
        const wanted = forge.pulls.filter(
          (pull) =>
            pull.base === query.get("target_branch") &&
            (pull.mergedRevision === undefined) === (query.get("state") === "opened"),
        );
        return paged(wanted.map(pullOf), url);
      },
    ],
    [
      "GET",
      new RegExp(`^${base}/merge_requests/(\\d+)$`),
      ({ found }) => {
        const pull = forge.pulls.find(({ number }) => number === Number(found[1]));
        return pull === undefined ? NOT_FOUND : { status: 200, body: pullOf(pull) };
      },
    ],
    [
      "GET",
      new RegExp(`^${base}/merge_requests/(\\d+)/notes$`),
      ({ found, url }) => paged(forge.comments.filter(({ pull }) => pull === Number(found[1])).map(noteOf), url),
    ],
    [
      "POST",
      new RegExp(`^${base}/merge_requests/(\\d+)/notes$`),
      ({ found, body }) => ({
        status: 201,
        body: noteOf(forge.addComment(Number(found[1]), forge.self, body.body ?? "")),
      }),
    ],
    [
      "PUT",
      new RegExp(`^${base}/merge_requests/(\\d+)/notes/(\\d+)$`),
      ({ found, body }) => {
        const comment = forge.comments.find(({ id }) => id === Number(found[2]));
        if (comment === undefined) return NOT_FOUND;
        comment.body = body.body ?? "";
        return { status: 200, body: noteOf(comment) };
      },
    ],
    [
      "GET",
      new RegExp(`^${base}/repository/commits/([0-9a-f]+)/statuses$`),
      ({ found, url }) => {
        const newest = new Map((forge.statuses.get(found[1] ?? "") ?? []).map((status) => [status.context, status]));
        const all = [...newest.values()].map(({ context, state, description }) => ({
          ...shape("gitlab-status"),
          name: context,
          status: state,
          description,
        }));
        return paged(all, url);
      },
    ],
    [
      "POST",
      new RegExp(`^${base}/statuses/([0-9a-f]+)$`),
      ({ found, body }) => {
        const { context, name = context ?? "", state = "", description = "" } = body;
        const standing = (forge.statuses.get(found[1] ?? "") ?? []).findLast((status) => status.context === name);
        // GitLab moves a status through states, and refuses to move it to where it is
        if (standing?.state === state)
          return { status: 400, body: { message: `Cannot transition status via :${state} from :${state}` } };
        keep(forge, found[1] ?? "", { context: name, state, description });
        return { status: 201, body: { ...shape("gitlab-status"), name, status: state } };
      },
    ],
  ];
}
