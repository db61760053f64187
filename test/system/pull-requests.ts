import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import type { GiteaRepository } from "../support/use-gitea.ts";

/** A comment as Gitea tells it. */
export interface Comment {
  readonly id: number;
  readonly body: string;
  readonly user: { readonly login: string };
}

/** The pull requests of one repository, by Gitea's API. */
export interface PullRequests {
  comments(number: number): Promise<Comment[]>;
  /** The first comment that holds something, once there is one. */
  commentWhere(number: number, holds: (body: string) => boolean, what: string): Promise<Comment>;
  /** The states of a commit by context. */
  statuses(sha: string): Promise<Record<string, string>>;
  /** Asks to merge a branch, or `user:branch` of a fork, into `main`; resolves to the number. */
  openPull(head: string, options?: Readonly<Record<string, unknown>>): Promise<number>;
  merge(number: number): Promise<void>;
}

/** Those of the repository that `repositoryOf` has now. */
export function usePullRequests(repositoryOf: () => GiteaRepository): PullRequests {
  const comments = async (number: number): Promise<Comment[]> =>
    (await repositoryOf().call({ method: "GET", path: `/issues/${number}/comments` })) as Comment[];
  return {
    comments,
    commentWhere: async (number, holds, what) =>
      await waitUntil(async () => (await comments(number)).find(({ body }) => holds(body)), {
        what,
        timeoutMs: 180_000,
        intervalMs: 500,
      }),
    statuses: async (sha) => {
      const combined = (await repositoryOf().call({ method: "GET", path: `/commits/${sha}/status` })) as {
        statuses: { context: string; status: string }[] | null;
      };
      return Object.fromEntries((combined.statuses ?? []).map(({ context, status }) => [context, status]));
    },
    openPull: async (head, options = {}) => {
      const body = { base: "main", head, title: `Merge ${head}`, ...options };
      return ((await repositoryOf().call({ method: "POST", path: "/pulls", body })) as { number: number }).number;
    },
    merge: async (number) => {
      const call = { method: "POST", path: `/pulls/${number}/merge`, body: { Do: "merge" } } as const;
      const merged = (): Promise<boolean> =>
        repositoryOf()
          .call(call)
          .then(
            () => true,
            (error: unknown) => {
              if (/HTTP 405/.test(String(error))) return false; // Gitea still looks whether it can be merged
              throw error;
            },
          );
      await waitUntil(merged, { what: "Gitea merges" });
    },
  };
}

/** The name of the first backup in a namespace that has ended well. */
export async function firstBackup(cluster: TestCluster, namespace: string): Promise<string> {
  return await waitUntil(
    async () => {
      const [backup] = await cluster.list("Backup", namespace);
      const { phase } = (backup?.status ?? {}) as { phase?: string };
      return phase === "Completed" ? backup?.metadata.name : undefined;
    },
    { what: "there is a backup", timeoutMs: 180_000 },
  );
}
