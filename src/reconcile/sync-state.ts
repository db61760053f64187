import { gitSourceDefaults } from "../api/defaults.ts";
import { formatKey, keyOf } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { GitRemote } from "../git/remote.ts";
import { parseIndex, type SourceRecord } from "../report/index-file.ts";
import { INDEX_PATH, sourcePath } from "../report/record-paths.ts";
import { type DeclaredObjects, parseSourceRecord } from "../report/source-record.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import type { RecordTarget } from "./sources.ts";

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
    const record = await recordOfAll(deps, source, { remote, branch: statusBranch });
    if ((await record.remote.head(record.branch)) === undefined) return { applied: own, declared: undefined };
    const revision = await record.remote.fetch(record.branch);
    const index = parseIndex(await record.remote.readFile(revision, INDEX_PATH));
    const declared = parseSourceRecord(await record.remote.readFile(revision, sourcePath(key)));
    return { applied: own ?? index?.sources[formatKey(key)], declared };
  } catch (error) {
    deps.log.info(
      { branch: statusBranch, error: messageOf(error) },
      "the status branch tells nothing of the last commit",
    );
    return { applied: own, declared: undefined };
  }
}

/** The record of every source stands where that of the first one by name does, whatever was looked at so far. */
async function recordOfAll(
  { live, sources, open, installation }: ReconcileDeps,
  source: Live<"GitSource">,
  own: RecordTarget,
): Promise<RecordTarget> {
  const flagged = sources.flagged === undefined ? [] : [sources.flagged as Live<"GitSource">];
  const all = [...flagged, ...live.list("GitSource")].filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  );
  const first = all.sort((a, b) => (formatKey(keyOf(a)) < formatKey(keyOf(b)) ? -1 : 1))[0] ?? source;
  if (formatKey(keyOf(first)) === formatKey(keyOf(source))) return own;
  return { remote: await open.git(first), branch: gitSourceDefaults(first.spec, installation.cluster).statusBranch };
}
