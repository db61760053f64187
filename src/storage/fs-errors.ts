import { CodedError } from "../errors.ts";

/** Where a filesystem call failed. */
export interface FsFailure {
  readonly location: string;
  readonly key: string;
  readonly action: "read" | "write";
}

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const DENIED = new Set(["EACCES", "EPERM"]);
const NO_LINKS = new Set(["ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS"]);

/** Translates a failed filesystem call; what is no such failure (an abort, the body's own error) passes as it is. */
export function fromFsError(error: unknown, failure: FsFailure): unknown {
  if (error instanceof CodedError || !(error instanceof Error) || !("syscall" in error) || !("code" in error))
    return error;
  const { location, key, action } = failure;
  const code = String(error.code);
  const at = `${location}: cannot ${action} ${key}`;
  if (FULL.has(code)) {
    return new CodedError("StoreFull", { location }, `${at}: the disk is full or the quota used up (${code})`, {
      cause: error,
    });
  }
  if (code === "EROFS" || (action === "write" && DENIED.has(code) && error.syscall !== "link")) {
    return new CodedError("StoreReadOnly", { location }, `${at}: it is not writable (${code})`, { cause: error });
  }
  if (DENIED.has(code) && action === "read") {
    return new CodedError("StoreAuth", { location }, `${at}: permission denied (${code})`, { cause: error });
  }
  if (error.syscall === "link" && (NO_LINKS.has(code) || DENIED.has(code))) {
    const message = `${at}: this filesystem has no hard links, by which a file is put only where none is (${code})`;
    return new CodedError("StoreConditionIgnored", { key }, message, { cause: error });
  }
  if (action === "read" && (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR")) {
    return new CodedError("StoreObjectMissing", { key }, `${location} has no object ${key}`, { cause: error });
  }
  return new CodedError("StoreUnreachable", { location }, `${at}: ${error.message}`, { cause: error });
}
