import { beforeAll } from "vitest";
import { callGitea, type GiteaCall } from "../../tools/testbed/gitea/gitea-call.ts";
import { createGiteaUser, type GiteaConnection, type GiteaUser } from "../../tools/testbed/gitea/gitea-server.ts";
import { demandServer } from "./demand-server.ts";
import { uniqueName } from "./test-cluster.ts";

/** A repository on the forge, with one commit on `main`. */
export interface GiteaRepository {
  readonly owner: string;
  readonly name: string;
  /** For Git, without credentials; the page of the repository has no `.git` at its end. */
  readonly url: string;
  /** Calls the API below `/repos/<owner>/<name>`. */
  call(call: Omit<GiteaCall, "token">, as?: GiteaUser): Promise<unknown>;
  /** Writes files as one commit on a branch, which is made from `main` where it is missing; resolves to the commit. */
  commit(branch: string, files: Readonly<Record<string, string | undefined>>, message?: string): Promise<string>;
  /** The copy of it that belongs to somebody else. */
  fork(user: GiteaUser): Promise<GiteaRepository>;
}

/** The forge that all test files share. */
export interface TestGitea {
  readonly url: string;
  readonly admin: GiteaUser;
  call(call: GiteaCall): Promise<unknown>;
  createUser(): Promise<GiteaUser>;
  createRepository(): Promise<GiteaRepository>;
}

/** The forge that all test files share, started on first use; give each test a repository of its own. */
export function useGitea(): TestGitea {
  let running: GiteaConnection | undefined;
  const gitea = () => {
    if (running === undefined) throw new Error("the forge is there in hooks and tests only");
    return running;
  };
  beforeAll(async () => {
    running = await demandServer("gitea");
  });
  return {
    get url() {
      return gitea().url;
    },
    get admin() {
      return gitea().admin;
    },
    call: (call) => callGitea(gitea().url, call),
    createUser: () => createGiteaUser(gitea(), uniqueName("user")),
    createRepository: async () => {
      const { url, admin } = gitea();
      const name = uniqueName("repo");
      const body = { name, auto_init: true, default_branch: "main" };
      await callGitea(url, { method: "POST", path: "/user/repos", body, token: admin.token });
      return repositoryOf(url, admin, name);
    },
  };
}

function repositoryOf(url: string, user: GiteaUser, name: string): GiteaRepository {
  const owner = user.username;
  const call: GiteaRepository["call"] = (given, as = user) =>
    callGitea(url, { ...given, path: `/repos/${owner}/${name}${given.path}`, token: as.token });
  return {
    owner,
    name,
    url: `${url}/${owner}/${name}.git`,
    call,
    commit: async (branch, files, message = "Change files") => {
      const isNew = (await found(call, `/branches/${branch}`)) === undefined;
      const changes = [];
      for (const [path, text] of Object.entries(files)) {
        const standing = await found(call, `/contents/${path}?ref=${isNew ? "main" : branch}`);
        changes.push(changeOf(path, text, (standing as { sha: string } | undefined)?.sha));
      }
      const where = isNew ? { branch: "main", new_branch: branch } : { branch };
      const made = await call({ method: "POST", path: "/contents", body: { ...where, files: changes, message } });
      return (made as { commit: { sha: string } }).commit.sha;
    },
    fork: async (other) => {
      await call({ method: "POST", path: "/forks", body: {} }, other);
      return repositoryOf(url, other, name);
    },
  };
}

function changeOf(path: string, text: string | undefined, sha: string | undefined): object {
  const operation = text === undefined ? "delete" : sha === undefined ? "create" : "update";
  const content = text === undefined ? {} : { content: Buffer.from(text).toString("base64") };
  return { operation, path, ...content, ...(sha === undefined ? {} : { sha }) };
}

async function found(call: GiteaRepository["call"], path: string): Promise<unknown> {
  return await call({ method: "GET", path }).catch((error: unknown) => {
    if (/HTTP 404/.test(String(error))) return undefined;
    throw error;
  });
}
