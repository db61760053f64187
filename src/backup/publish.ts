/** The files of a collected backup in the order of design: logs, results, lists, index, manifest, marker. */
import { CONTENT_DIGEST_VERSION } from "../api/digest.ts";
import { HOLDFAST_VERSION } from "../api/version.ts";
import type { ArchiveTotals } from "../storage/archive-writer.ts";
import type { BackupWriter } from "../storage/backup-writer.ts";
import { FORMAT_VERSION, type Manifest } from "../storage/manifest.ts";
import { encodeGzipJson, encodeResourceList } from "../storage/velero-files.ts";
import type { UnprotectedVolume } from "../volumes/unprotected.ts";
import { volumeInfoRows } from "../volumes/unprotected.ts";
import { type MarkerFacts, markerObject } from "./marker-plan.ts";
import type { BackupRun } from "./run.ts";
import type { BackupRequest, BackupStep } from "./types.ts";

/** What `publishBackup` puts beside the archive. */
export interface CollectedBackup {
  readonly request: BackupRequest;
  readonly run: BackupRun;
  readonly totals: ArchiveTotals;
  readonly unprotected: readonly UnprotectedVolume[];
  readonly facts: MarkerFacts;
  readonly policies: Pick<Manifest, "resourcePolicy" | "globalVolumePolicies">;
}

/** Puts everything after the archive, the marker last; resolves to the manifest's digest. */
export async function publishBackup(
  writer: BackupWriter,
  collected: CollectedBackup,
  reach: (step: BackupStep) => Promise<void>,
): Promise<string> {
  const { request, run, totals, facts, policies } = collected;
  const { signal } = run;
  await reach("logs");
  await writer.put("logs", await run.journal.logFile(), signal);
  await reach("lists");
  await writer.put("results", await encodeGzipJson(run.journal.results()), signal);
  await writer.put("resourceList", await encodeResourceList(run.names.lists()), signal);
  await writer.put("itemOperations", await encodeGzipJson([]), signal);
  await writer.put("volumeInfo", await encodeGzipJson(volumeInfoRows(collected.unprotected, run.volumes)), signal);
  await writer.put("volumeSnapshots", await encodeGzipJson([]), signal);
  await writer.put("podVolumeBackups", await encodeGzipJson([]), signal);
  await reach("index");
  const [, members] = await Promise.all([writer.put("index", totals.index.readable, signal), totals.index.members]);
  await reach("publish");
  const manifest: Omit<Manifest, "files"> = {
    formatVersion: FORMAT_VERSION,
    tool: { name: "holdfast", version: HOLDFAST_VERSION },
    backup: request.name,
    cluster: request.cluster,
    clusterUid: request.claim.clusterUid,
    namespace: request.namespace,
    ...(request.policy === undefined ? {} : { policy: request.policy }),
    ...policies,
    startTimestamp: facts.startTimestamp,
    completionTimestamp: facts.completionTimestamp,
    contentDigestVersion: CONTENT_DIGEST_VERSION,
    counts: { items: totals.items, resources: totals.resources, warnings: facts.warnings, errors: facts.errors },
    lists: run.lists,
    index: members,
  };
  const { manifestSha256 } = await writer.publish(manifest, markerObject(request, facts), {
    signal,
    beforeMarker: () => reach("marker"),
  });
  return manifestSha256;
}
