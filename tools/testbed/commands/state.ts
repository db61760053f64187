import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../binaries/cache-folder.ts";
import type { S3Connection } from "../s3/s3-server.ts";
import type { TestbedParts } from "../testbed.ts";

/** What the supervisor of `testbed up` leaves for the commands that come after it. */
export interface UpState {
  readonly pid: number;
  /** Where the supervisor answers; a stranger that got its port later does not know the token. */
  readonly controlUrl: string;
  readonly controlToken: string;
  readonly parts: TestbedParts;
  readonly server: string;
  readonly kubeconfigPath: string;
  readonly kubectl: string;
  readonly s3?: S3Connection & { readonly bucket: string };
  readonly gitUrl?: string;
}

/** The folder of the state: one testbed per user and cache. */
export function upFolder(): string {
  return join(cacheFolder(), "up");
}

/** The supervisor's log. */
export function upLog(): string {
  return join(upFolder(), "log");
}

/** Reads the state file; undefined when there is none. The supervisor it names may be gone. */
export async function readState(): Promise<UpState | undefined> {
  const text = await readFile(statePath(), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as UpState);
}

/** Writes the state file whole, readable by its owner only: it holds credentials. */
export async function writeState(state: UpState): Promise<void> {
  await mkdir(upFolder(), { recursive: true });
  const draft = `${statePath()}.${process.pid}`;
  await writeFile(draft, JSON.stringify(state, undefined, 2), { mode: 0o600 });
  await rename(draft, statePath());
}

export async function removeState(): Promise<void> {
  await rm(statePath(), { force: true });
}

function statePath(): string {
  return join(upFolder(), "state.json");
}
