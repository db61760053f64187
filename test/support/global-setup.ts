import type { TestProject } from "vitest/node";
import { type ServerPool, startServerPool } from "./shared-servers.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where a worker asks for a shared server. */
    serverPoolUrl: string;
  }
}

interface Shared {
  users: number;
  pool: Promise<ServerPool>;
}

// Vitest runs this file once for each project, each time as a fresh module: only the global object is common to them.
const KEY = Symbol.for("holdfast.test.server-pool");
const registry = globalThis as { [KEY]?: Shared };

/** Gives every project of the run the same pool of servers, and stops it after the last of them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  registry[KEY] ??= { users: 0, pool: startServerPool() };
  const shared = registry[KEY];
  shared.users += 1;
  project.provide("serverPoolUrl", (await shared.pool).url);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    delete registry[KEY];
    await (await shared.pool).stop();
  };
}
