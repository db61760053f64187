/** Finding the backup that a RestorePlan names, for the commands that look before anything runs. */
import type { Backup, RestorePlanSpec } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { backupOfPolicy } from "../restore/backup-of-policy-plan.ts";
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

/** Opens the backup of a restore. @throws {BackupNotFound} */
export async function openPlanBackup(io: CliIo, kube: KubeClient, wanted: Wanted): Promise<PlanBackup> {
  const known = (await kube.list(BACKUP, { namespace: wanted.namespace, signal: io.signal })) as unknown as Backup[];
  const name = backupName(wanted, known, io.clock.now());
  const record = known.find(({ metadata }) => metadata.name === name);
  const locationName = wanted.location ?? record?.status?.storageLocation ?? record?.spec.storageLocation;
  const location = await io.deps().location(locationName, wanted.namespace);
  const backup = await openBackup(location.store, name, { signal: io.signal });
  return { backup, store: location.store, location: location.name };
}

/** The named backup, or the newest good one of the policy; what is not merged yet is taken for merged now. */
function backupName({ spec, namespace }: Wanted, known: readonly Backup[], nowMs: number): string {
  const { backupName: named, policy } = spec.source;
  if (named !== undefined || policy === undefined) return named ?? "";
  const newest = backupOfPolicy(known, { policy, namespace, mergedMs: nowMs });
  if (newest !== undefined) return newest.metadata.name;
  const which = policy.schedule === undefined ? policy.name : `${policy.name}, schedule ${policy.schedule}`;
  throw new CodedError(
    "BackupNotFound",
    { name: policy.name, location: "" },
    `no completed backup of policy ${which}: see \`holdfast backup get\``,
  );
}
