import { afterAll, beforeAll } from "vitest";
import {
  type GitServer,
  type GitServerOptions,
  type HostedRepository,
  startGitServer,
} from "../../tools/testbed/git/git-server.ts";
import type { FaultRule, RecordedCall } from "../../tools/testbed/http/fault.ts";
import { uniqueName } from "./test-cluster.ts";

/** The Git server of one test file. */
export interface TestGitServer {
  readonly url: string;
  readonly calls: readonly RecordedCall[];
  setFaults(rule?: FaultRule): void;
  /** Makes an empty repository with a name of its own. */
  createRepository(branch?: string): Promise<HostedRepository>;
}

/** A Git server of this test file's own, over smart HTTP; give each test a repository of its own. */
export function useGitServer(options: GitServerOptions = {}): TestGitServer {
  let running: GitServer | undefined;
  const server = () => {
    if (running === undefined) throw new Error("the Git server is there in hooks and tests only");
    return running;
  };
  beforeAll(async () => {
    running = await startGitServer(options);
  });
  afterAll(() => running?.stop());
  return {
    get url() {
      return server().url;
    },
    get calls() {
      return server().calls;
    },
    setFaults: (rule) => server().setFaults(rule),
    createRepository: (branch) => server().createRepository(uniqueName("repo"), branch),
  };
}
