import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isAlive } from "../../tools/testbed/process/file-lock.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { startScript } from "../support/run-script.ts";

const HOLD_SERVERS = join(import.meta.dirname, "testbed-scripts", "hold-servers.ts");

interface Held {
  readonly pids: readonly number[];
  readonly folders: readonly string[];
}

describe("servers whose parent goes away", () => {
  it.each([
    { signal: "SIGKILL", what: "everything", servers: 5 },
    { signal: "SIGINT", what: "a few", servers: 1 },
    { signal: "SIGTERM", what: "a few", servers: 1 },
  ] as const)("leave nothing behind after $signal", async ({ signal, what, servers }) => {
    const { child, said } = await startScript<Held>(HOLD_SERVERS, [what]);
    expect(said.pids.filter(isAlive)).toHaveLength(servers);
    expect(said.folders.every((folder) => existsSync(folder))).toBe(true);

    child.kill(signal);

    const nothingLeft = () => !said.pids.some(isAlive) && !said.folders.some((folder) => existsSync(folder));
    await waitUntil(nothingLeft, { what: "all servers and folders are gone" });
  });
});
