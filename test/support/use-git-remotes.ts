import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { GitLocation, GitRemote, GitTraffic, RemoteOptions } from "../../src/git/remote.ts";
import { openRemote } from "../../src/git/repo.ts";

/** The product's own remotes, for one test file. */
export interface TestGitRemotes {
  readonly cacheDir: string;
  /** Opens a remote that is closed after the test. */
  open(
    location: GitLocation,
    options?: Partial<RemoteOptions>,
  ): Promise<GitRemote & { readonly traffic: GitTraffic[] }>;
}

export const AUTHOR = { name: "Holdfast", email: "holdfast@example.com" };

/** Opens remotes on one cache folder of this test file, each with what it put on the wire. */
export function useGitRemotes(): TestGitRemotes {
  let cacheDir = "";
  const opened: GitRemote[] = [];
  beforeAll(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), "holdfast-git-cache-"));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((remote) => remote.close()));
  });
  afterAll(() => rm(cacheDir, { recursive: true, force: true }));
  return {
    get cacheDir() {
      return cacheDir;
    },
    open: async (location, options = {}) => {
      const traffic: GitTraffic[] = [];
      const onTraffic = (one: GitTraffic): void => void traffic.push(one);
      const remote = await openRemote({ location, cacheDir, clock: systemClock, onTraffic, ...options });
      opened.push(remote);
      return { ...remote, traffic };
    },
  };
}
