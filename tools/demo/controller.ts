import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DemoCluster } from "./cluster.ts";
import { run } from "./run.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");

/** A running `holdfast run`. */
export interface Controller {
  /** @throws Error with where its log is, when the process has ended */
  assertAlive(): void;
  stop(): Promise<void>;
}

interface ControllerOptions {
  readonly cluster: DemoCluster;
  /** The bare repository it watches and writes its record to. */
  readonly repository: string;
  /** Its log goes to `controller.log` in here. */
  readonly folder: string;
}

/** Starts the reconciler as a process of its own, as the Deployment would. */
export function startController({ cluster, repository, folder }: ControllerOptions): Controller {
  const logFile = join(folder, "controller.log");
  const log = openSync(logFile, "a");
  const args = [MAIN, "run", "--cluster", "demo", "--repo", repository, "--interval", "1s", ...cluster.flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", log, log], env: { ...process.env, ...cluster.env } });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    assertAlive: () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`holdfast run has ended; its log is ${logFile}`);
    },
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      if (child.exitCode !== 0) process.stderr.write(`${await readFile(logFile, "utf8")}\n`);
    },
  };
}

/** Runs one `holdfast` command as a person would and returns what it printed. */
export function holdfast(cluster: DemoCluster, ...args: string[]): Promise<string> {
  return run(process.execPath, [MAIN, ...args, "--cluster", "demo", ...cluster.flags], { env: cluster.env });
}
