import { formatKey, keyOf } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { GitRemote } from "../git/remote.ts";
import { parseIndex, type SourceRecord } from "../report/index-file.ts";
import { INDEX_PATH } from "../report/record-paths.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";

/** Up to where a source was wholly applied. */
export interface SyncState {
  readonly applied: SourceRecord | undefined;
}

/**
 * What is known of a source after a restart: from its status, and for the source of the command line, which has none,
 * from the record on the status branch.
 */
export async function readSyncState(
  deps: ReconcileDeps,
  source: Live<"GitSource">,
  remote: GitRemote,
  statusBranch: string,
): Promise<SyncState> {
  const { lastAppliedRevision, applied } = source.status ?? {};
  if (lastAppliedRevision !== undefined && applied !== undefined) {
    const { url = "", branch = "", path = "" } = applied;
    return { applied: { url, branch, path, revision: lastAppliedRevision } };
  }
  if (source !== deps.sources.flagged) return { applied: undefined };
  try {
    if ((await remote.head(statusBranch)) === undefined) return { applied: undefined };
    const revision = await remote.fetch(statusBranch);
    const index = parseIndex(await remote.readFile(revision, INDEX_PATH));
    return { applied: index?.sources[formatKey(keyOf(source))] };
  } catch (error) {
    deps.log.info(
      { branch: statusBranch, error: messageOf(error) },
      "the status branch tells nothing of the last commit",
    );
    return { applied: undefined };
  }
}
