import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { naming } from "./disk-errors.ts";
import { errorCode } from "./http-errors.ts";

/** Folders of this process: another container may have had the same host name and process id. */
const ours = new Set<string>();

/**
 * Makes a folder that no other process uses, and removes those of processes on this host that are gone. Two processes
 * on one cache folder never share a clone.
 * @throws {GitCacheFailed} when the disk refuses
 */
export async function createProcessFolder(cacheDir: string): Promise<string> {
  const root = join(cacheDir, "git");
  const name = `${hostname()}.${process.pid}.${randomBytes(6).toString("hex")}`;
  await naming(cacheDir, async () => {
    await mkdir(root, { recursive: true });
    ours.add(name);
    await mkdir(join(root, name));
    await removeAbandoned(root);
  });
  return join(root, name);
}

/** Removes a folder that `createProcessFolder` made. Idempotent. */
export async function removeProcessFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  ours.delete(basename(folder));
}

async function removeAbandoned(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const parts = name.split(".");
    const pid = Number(parts.at(-2));
    const host = parts.slice(0, -2).join(".");
    if (host !== hostname() || ours.has(name) || !Number.isInteger(pid) || pid <= 0) continue;
    if (pid !== process.pid && isAlive(pid)) continue;
    await rm(join(root, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
