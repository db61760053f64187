/** A Git server on this machine: bare repositories over smart HTTP, by `git http-backend`, in this process. */
import { timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import type { FaultRule, RecordedCall } from "../http/fault.ts";
import { RecordingServer } from "../http/recording-server.ts";
import { createGuardedFolder } from "../process/guarded-folder.ts";
import { BareRepository } from "./bare-repository.ts";
import { serveGit } from "./http-backend.ts";

/** Who may come in: one user, or any user whose password (or bearer token) is the token. */
export type GitCredentials = { readonly username: string; readonly password: string } | { readonly token: string };

export interface GitServerOptions {
  /** Asked for on every request; without it anyone may read and push. */
  readonly credentials?: GitCredentials;
}

/** A repository and where clients find it. */
export interface HostedRepository {
  /** Such as `http://127.0.0.1:23456/policies.git`; no credentials inside. */
  readonly url: string;
  readonly repository: BareRepository;
}

/** A running Git server. */
export interface GitServer {
  readonly url: string;
  /** All requests so far. */
  readonly calls: readonly RecordedCall[];
  /** Makes requests fail from now on; without a rule they work again. */
  setFaults(rule?: FaultRule): void;
  /** Makes an empty repository `<name>.git`. */
  createRepository(name: string, branch?: string): Promise<HostedRepository>;
  /** Closes the server and removes the repositories. */
  stop(): Promise<void>;
}

/** Starts a Git server without repositories. */
export async function startGitServer(options: GitServerOptions = {}): Promise<GitServer> {
  const folder = await createGuardedFolder({ prefix: "holdfast-git" });
  const server = new RecordingServer({
    upstream: async (request, body, reply) => {
      const user = userOf(request.headers.authorization, options.credentials);
      if (user !== undefined) return await serveGit({ request, body, root: folder.path, user: user.name }, reply);
      body.resume();
      reply(401, { "www-authenticate": 'Basic realm="testbed"' }).end("authentication required\n");
    },
  });
  await server.listen();
  return {
    url: server.url,
    calls: server.calls,
    setFaults: (rule) => server.setFaults(rule),
    createRepository: async (name, branch = "main") => ({
      url: `${server.url}/${name}.git`,
      repository: await BareRepository.create(join(folder.path, `${name}.git`), branch),
    }),
    stop: async () => {
      await server.stop();
      await folder.remove();
    },
  };
}

/** Undefined: not let in. A name of undefined: nobody in particular, where anyone may come in. */
function userOf(header: string | undefined, wanted: GitCredentials | undefined): { name?: string } | undefined {
  if (wanted === undefined) return {};
  const [scheme, value = ""] = (header ?? "").split(" ");
  const text = scheme === "Basic" ? Buffer.from(value, "base64").toString("utf8") : `bearer:${value}`;
  const colon = text.indexOf(":");
  const [name, secret] = [text.slice(0, colon), text.slice(colon + 1)];
  if ("token" in wanted) return isSame(secret, wanted.token) ? { name } : undefined;
  return isSame(name, wanted.username) && isSame(secret, wanted.password) ? { name } : undefined;
}

function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
