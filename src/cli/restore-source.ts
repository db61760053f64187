/** Finding the backup that a RestorePlan names, for the commands that look before anything runs. */
import { PURPOSE_LABEL } from "../api/annotations.ts";
import type { Backup, RestorePlanSpec } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { type BackupReader, openBackup } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { CliIo } from "./io.ts";

/** An opened backup; close `backup` when done. */
export interface PlanBackup {
  readonly backup: BackupReader;
  readonly store: ObjectStore;
  readonly location: string;
}

interface Wanted {
  readonly spec: RestorePlanSpec;
  readonly namespace: string;
  /** Overrides what the Backup object says. */
  readonly location?: string | undefined;
}

/** Opens the backup. @throws {BackupNotFound}; {Usage} where the source can't be resolved without the controller */
export async function openPlanBackup(io: CliIo, kube: KubeClient, wanted: Wanted): Promise<PlanBackup> {
  const known = (await kube.list(BACKUP, { namespace: wanted.namespace, signal: io.signal })) as unknown as Backup[];
  const name = backupName(wanted.spec, known);
  const record = known.find(({ metadata }) => metadata.name === name);
  const locationName = wanted.location ?? record?.status?.storageLocation ?? record?.spec.storageLocation;
  const location = await io.deps().location(locationName, wanted.namespace);
  const backup = await openBackup(location.store, name, { signal: io.signal });
  return { backup, store: location.store, location: location.name };
}

/** The named backup, or the newest good one of the policy. */
export function backupName(spec: RestorePlanSpec, known: readonly Backup[]): string {
  const { backupName: named, policy, undoOf } = spec.source;
  if (named !== undefined) return named;
  if (policy === undefined) {
    throw new CodedError(
      "Usage",
      { argument: "spec.source" },
      `an undo of ${undoOf ?? "a run"} is planned by \`holdfast restore undo\``,
    );
  }
  const until =
    policy.asOf === undefined || policy.asOf === "AtMerge" ? Number.POSITIVE_INFINITY : Date.parse(policy.asOf);
  const good = known.filter(({ metadata, status }) => {
    if ((metadata.labels as Record<string, string> | undefined)?.[PURPOSE_LABEL] !== undefined) return false;
    const phase = status?.phase;
    if (phase !== "Completed" && !(policy.allowPartiallyFailed === true && phase === "PartiallyFailed")) return false;
    if (status?.policy?.name !== policy.name) return false;
    if (policy.schedule !== undefined && status.policy.schedule !== policy.schedule) return false;
    return startOf(status) <= until;
  });
  const newest = good.sort((a, b) => startOf(b.status) - startOf(a.status))[0];
  if (newest !== undefined) return newest.metadata.name;
  const which = policy.schedule === undefined ? policy.name : `${policy.name}, schedule ${policy.schedule}`;
  throw new CodedError(
    "BackupNotFound",
    { name: policy.name, location: "" },
    `no completed backup of policy ${which}: see \`holdfast backup get\``,
  );
}

function startOf(status: Backup["status"]): number {
  return Date.parse(status?.startTimestamp ?? "") || 0;
}
