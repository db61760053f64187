import { CodedError } from "../errors.ts";
import type { BackupDeps, BackupOutcome, BackupRequest } from "./types.ts";

/** Makes one backup. Failures of the run are outcomes; it throws only where nothing may be touched at all. */
export async function runBackup(_deps: BackupDeps, _request: BackupRequest): Promise<BackupOutcome> {
  throw new CodedError("Internal", { detail: "backup" }, "not built yet");
}
