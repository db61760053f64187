/** What a lost cluster's record offers: the backups to bring back, and the RestorePlans that ask for it. Pure. */
import type { RecordIndex } from "./index-file.ts";

/** One backup that is worth restoring: the newest Completed one of a policy. */
export interface Recoverable {
  /** `namespace/name`. */
  readonly policy: string;
  readonly schedule: string;
  readonly backup: string;
  /** `namespace/name`. */
  readonly location: string;
  readonly completed: string;
}

/** The newest Completed backup of each policy, the newest first. */
export function recoverableBackups(index: RecordIndex): readonly Recoverable[] {
  return Object.entries(index.newest)
    .flatMap(([policy, schedules]) => {
      const [newest] = Object.entries(schedules)
        .map(([schedule, { backup, location, completed }]) => ({ policy, schedule, backup, location, completed }))
        .sort(newestFirst);
      return newest === undefined ? [] : [newest];
    })
    .sort(newestFirst);
}

function newestFirst(a: Recoverable, b: Recoverable): number {
  return a.completed > b.completed ? -1 : a.completed < b.completed ? 1 : a.backup < b.backup ? -1 : 1;
}

/**
 * The YAML of the RestorePlans to merge. `runId` is of this cluster alone: a plan of the same content that ran on the
 * lost one would never run again.
 */
export function recoveryYaml(backups: readonly Recoverable[], runId: string): string {
  return backups.map((backup) => recoveryDocument(backup, runId)).join("---\n");
}

function recoveryDocument({ policy, schedule, backup, completed }: Recoverable, runId: string): string {
  const [namespace = "", name = ""] = policy.split("/");
  return [
    "# yaml-language-server: $schema=https://holdfast.dev/schemas/restoreplan.schema.json",
    `# The newest backup of policy ${policy} (schedule ${schedule}), completed ${completed}.`,
    "apiVersion: holdfast.dev/v1alpha1",
    "kind: RestorePlan",
    "metadata:",
    `  name: recover-${name}`.slice(0, 200),
    `  namespace: ${namespace}`,
    "spec:",
    "  source:",
    `    backupName: ${backup}`,
    "  existingResourcePolicy: none # what the new cluster has already stays as it is",
    `  runId: ${runId}`,
    "",
  ].join("\n");
}
