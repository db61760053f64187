import { CodedError } from "../errors.ts";
import { errorCode } from "./http-errors.ts";

const DISK_FAILURES = new Set(["ENOENT", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EMFILE", "EIO", "ENOTDIR"]);

/** Runs something that writes below `folder` and names the folder when the disk refuses. @throws {GitCacheFailed} */
export async function naming<T>(folder: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof CodedError || !DISK_FAILURES.has(code)) throw error;
    const message = `the cache folder ${folder} can't be written (${code}): free or mount some space there`;
    throw new CodedError("GitCacheFailed", { path: folder }, message, { cause: error });
  }
}

/** Whether an error says that bytes are not what Git would have written: a bound, a length or a zlib stream is wrong. */
export function isDamage(error: unknown): error is Error {
  return error instanceof RangeError || (error instanceof Error && errorCode(error).startsWith("Z_"));
}
