/** From the address of a repository, or of a pull request, to the forge that has it. */
import { CodedError } from "../errors.ts";
import type { ForgeOptions, ForgeType } from "./forge.ts";

/** What a person may say besides the repository's address. */
export interface ForgeHints {
  /** Needed unless the host is github.com, gitlab.com or codeberg.org. */
  readonly type?: ForgeType | undefined;
  readonly apiUrl?: string | undefined;
}

const KNOWN_HOSTS: Readonly<Record<string, ForgeType>> = {
  "github.com": "github",
  "gitlab.com": "gitlab",
  "codeberg.org": "gitea",
  "gitea.com": "gitea",
};

/** Where the API of a repository is. @throws {InvalidSpec} where that can't be told */
export function forgeOf(repository: string, hints: ForgeHints = {}): Omit<ForgeOptions, "token" | "signal"> {
  const url = URL.canParse(repository) ? new URL(repository) : undefined;
  const path =
    url?.pathname
      .replace(/\/+$/, "")
      .replace(/\.git$/, "")
      .replace(/^\//, "") ?? "";
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || !path.includes("/")) {
    throw invalid(`${repository} is no repository of a forge: its address ends with owner/name`);
  }
  const type = hints.type ?? KNOWN_HOSTS[url.hostname];
  if (type === undefined) throw invalid(`say what kind of forge ${url.hostname} is: github, gitlab or gitea`);
  // GitLab's groups nest; the others have one owner, and what stands before it is the path the forge is served under.
  const parts = path.split("/");
  const project = type === "gitlab" ? path : parts.slice(-2).join("/");
  const root = type === "gitlab" ? url.origin : [url.origin, ...parts.slice(0, -2)].join("/");
  const apiUrl = (hints.apiUrl ?? defaultApi(type, root)).replace(/\/+$/, "");
  return { type, apiUrl, webUrl: `${root}/${project}`, project };
}

function defaultApi(type: ForgeType, root: string): string {
  if (type !== "github") return root;
  return root === "https://github.com" ? "https://api.github.com" : `${root}/api/v3`;
}

/** A pull request's page taken apart. */
export interface PullRequestAddress {
  readonly repository: string;
  readonly number: number;
  readonly type: ForgeType;
}

const PAGES: readonly (readonly [pattern: RegExp, type: ForgeType])[] = [
  [/^(.+)\/-\/merge_requests\/(\d+)$/, "gitlab"],
  [/^(.+)\/pulls\/(\d+)$/, "gitea"],
  [/^(.+)\/pull\/(\d+)$/, "github"],
];

/** Reads the address of a pull request. @throws {Usage} when it is none */
export function parsePullRequestUrl(text: string): PullRequestAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const path = url?.pathname.replace(/\/(?:files|commits|checks|diffs|conversation)?\/?$/, "") ?? "";
  for (const [pattern, type] of PAGES) {
    const [, repository, number] = pattern.exec(path) ?? [];
    if (url !== undefined && repository !== undefined && number !== undefined)
      return { repository: `${url.origin}${repository}`, number: Number(number), type };
  }
  const known =
    "https://github.com/o/r/pull/7, https://gitlab.com/g/r/-/merge_requests/7 or https://gitea.example.com/o/r/pulls/7";
  throw new CodedError("Usage", { argument: "--pr" }, `${text} is no address of a pull request, such as ${known}`);
}

function invalid(message: string): CodedError {
  return new CodedError("InvalidSpec", { fields: ["forge"] }, message);
}
