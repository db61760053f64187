import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
}

/** A held lock. */
export interface FileLock {
  release(): Promise<void>;
}

const HEARTBEAT_MS = 5_000;
// Longer than a suspended laptop's hiccup; a dead holder on this host is noticed at once by its pid.
const STALE_MS = 60_000;
const POLL_MS = 250;

/**
 * Waits for a lock between processes. The lock is a file that is linked into place whole, names its holder and is
 * touched while held. A lock whose holder is gone is taken over. Two takers of a stale lock may, in theory, both
 * succeed: what the lock guards must stay correct then, only slower.
 */
export async function lockFile(path: string, onWait: () => void = () => undefined): Promise<FileLock> {
  const me: Holder = { id: randomUUID(), pid: process.pid, host: hostname() };
  const draft = `${path}.${me.id}`;
  await writeFile(draft, JSON.stringify(me));
  try {
    for (let waited = false; !(await tryLink(draft, path)); waited = true) {
      await removeStale(path);
      if (!waited) onWait();
      await sleep(POLL_MS);
    }
  } finally {
    await rm(draft, { force: true });
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release: async () => {
      clearInterval(heartbeat);
      if ((await readHolder(path))?.id === me.id) await rm(path, { force: true });
    },
  };
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  const holder = await readHolder(path);
  const touched = await stat(path).catch(() => undefined);
  if (holder === undefined || touched === undefined || !isStale(holder, Date.now() - touched.mtimeMs)) return;
  const taken = `${path}.${randomUUID()}`;
  const moved = await rename(path, taken).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  // Between reading and renaming, another process may have taken the stale lock over: then this is its fresh one.
  if ((await readHolder(taken))?.id !== holder.id) await link(taken, path).catch(() => undefined);
  await rm(taken, { force: true });
}

function isStale(holder: Holder, ageMs: number): boolean {
  return ageMs > STALE_MS || (holder.host === hostname() && !isAlive(holder.pid));
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Holder);
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
