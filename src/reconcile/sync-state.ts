import { formatKey, keyOf } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { GitRemote } from "../git/remote.ts";
import { parseIndex, type SourceRecord } from "../report/index-file.ts";
import { INDEX_PATH, sourcePath } from "../report/record-paths.ts";
import { type DeclaredObjects, parseSourceRecord } from "../report/source-record.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";

/** Up to where a source was wholly applied. */
export interface SyncState {
  readonly applied: SourceRecord | undefined;
  /** What it declared then; undefined when that is not known. */
  readonly declared: DeclaredObjects | undefined;
}

/**
 * What is known of a source after a restart: the record on the status branch says what it declared; up to which commit
 * it was applied, its own status, and for the source of the command line, which has none, the record again.
 */
export async function readSyncState(
  deps: ReconcileDeps,
  source: Live<"GitSource">,
  remote: GitRemote,
  statusBranch: string,
): Promise<SyncState> {
  const key = keyOf(source);
  const { lastAppliedRevision, applied } = source.status ?? {};
  const { url = "", branch = "", path = "" } = applied ?? {};
  const own = lastAppliedRevision === undefined ? undefined : { url, branch, path, revision: lastAppliedRevision };
  try {
    if ((await remote.head(statusBranch)) === undefined) return { applied: own, declared: undefined };
    const revision = await remote.fetch(statusBranch);
    const index = parseIndex(await remote.readFile(revision, INDEX_PATH));
    const declared = parseSourceRecord(await remote.readFile(revision, sourcePath(key)));
    return { applied: own ?? index?.sources[formatKey(key)], declared };
  } catch (error) {
    deps.log.info(
      { branch: statusBranch, error: messageOf(error) },
      "the status branch tells nothing of the last commit",
    );
    return { applied: own, declared: undefined };
  }
}
