import { CodedError } from "../errors.ts";
import { errorCode } from "./http-errors.ts";

const DISK_FAILURES = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EMFILE", "EIO", "ENOTDIR"]);

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
