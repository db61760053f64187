/** Single steps on single files; who calls them translates what they throw. */

import { constants as fsConstants } from "node:fs";
import { type FileHandle, link, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";

/** Appends a whole body to an open file. Rejects with the body's error, or the signal's reason. */
export async function writeBody(
  file: FileHandle,
  body: Uint8Array | Readable,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted(); // before there was anybody to hear it
  const onAbort = (): void => void (body instanceof Readable && body.destroy(abortError(signal)));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const chunk of body instanceof Readable ? body : [body]) {
      signal?.throwIfAborted();
      await file.writeFile(chunk as Uint8Array);
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function abortError(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error("aborted");
}

/** False when `target` exists: link(2) never replaces. */
export async function linkInto(temporary: string, target: string): Promise<boolean> {
  try {
    await link(temporary, target);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Makes a folder and those above it; returns the first one made. Where the disk is read-only, Node's own recursive mkdir
 * says that a folder is missing: a plain one is asked for the reason.
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  try {
    return await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!isMissing(error)) throw error;
    let top = folder;
    while (dirname(top) !== top && !(await exists(dirname(top)))) top = dirname(top);
    await mkdir(top, { mode: 0o700 });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return top;
  }
}

/** A new name is on disk only once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, fsConstants.O_RDONLY | fsConstants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether a path is there, whatever it is. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

/** True for the errors of a path that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** For a `catch`: throws on what is not a missing path. */
export function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
