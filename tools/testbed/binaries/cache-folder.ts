import { homedir } from "node:os";
import { join } from "node:path";

/** Where built binaries and the state of `testbed up` live: never in the checkout. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && base !== "" ? base : join(homedir(), ".cache"), "holdfast-testbed");
}
