import type { GitSource } from "../api/kinds.generated.ts";
import { KINDS } from "../api/kinds.ts";
import { keyOf } from "../api/object.ts";
import { noFailpoints } from "../failpoints.ts";
import type { ReconcileDeps } from "./deps.ts";
import { createGitRecord } from "./git-record.ts";
import { createLiveObjects, type Live } from "./live-objects.ts";
import { createPausedOwners } from "./paused-owners.ts";
import { readOnlyKube } from "./read-only.ts";
import { createRuns } from "./runs.ts";
import { createSources, type RecordTarget } from "./sources.ts";

/** What a process that only looks is built of. */
export interface LookingParts
  extends Pick<ReconcileDeps, "kube" | "clock" | "log" | "installation" | "open" | "spoolDir"> {
  /** Where the record is read; absent where nobody looks into Git. */
  readonly git?: { readonly source: GitSource; readonly record: RecordTarget };
}

/** Everything a reconciler works with, for one look: our kinds listed once, and no right to write to the cluster. */
export async function createLookingDeps(parts: LookingParts): Promise<ReconcileDeps> {
  const { git, ...given } = parts;
  const kube = readOnlyKube(given.kube);
  const live = createLiveObjects(given.installation.namespace);
  for (const kind of KINDS) live.replace(kind.kind, await kube.list(kind));
  const sources = createSources({ flagged: git?.source, hasObjects: () => git !== undefined, onRecord: () => {} });
  if (git !== undefined) sources.setRecordTarget(keyOf(git.source as Live<"GitSource">), git.record);
  const { clock, log, installation } = given;
  const runs = createRuns({ slots: 1, clock, log, onEnd: () => {} });
  return {
    ...given,
    kube,
    live,
    sources,
    runs,
    paused: createPausedOwners({ ...given, kube, live, runs }),
    record: createGitRecord({ live, sources, clock, installation }),
    hit: noFailpoints,
    requireGit: false,
    restoreOnly: true,
  };
}
