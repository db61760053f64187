/**
 * The named steps at which a test may kill the process, so that "killed here and started again" is a table and not a
 * race. Declared here and nowhere else; `HOLDFAST_FAULT_AT` (read by `cli/config.ts`) arms one of them.
 */
export const FAILPOINTS = [
  "backup-unclaimed",
  "backup-cr-claimed",
  "backup-bucket-claimed",
  "backup-archive-put",
  "backup-logs-put",
  "backup-lists-put",
  "backup-index-put",
  "backup-manifest-put",
  "backup-marker-put",
  "backup-status-written",
  "restore-unclaimed",
  "restore-cr-claimed",
  "restore-bucket-claimed",
  "restore-key-pushed",
  "restore-safety-created",
  "restore-safety-made",
  "restore-prepared",
  "owners-recorded",
  "owners-paused",
  "restore-midway",
  "restore-objects-written",
  "owners-resuming",
  "owners-resumed",
  "restore-status-written",
  "restore-recorded",
  "restore-key-ended",
  "restore-done-put",
  "deletion-marked",
  "deletion-marker-gone",
  "deletion-midway",
  "deletion-data-gone",
  "deletion-restores-gone",
  "record-archived",
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];

/** Called at each named step; does nothing unless armed. */
export type HitFailpoint = (at: Failpoint) => void;

/** What every process does that is not under test. */
export const noFailpoints: HitFailpoint = () => {};

/** Kills this process (SIGKILL: no handler, no flush) the first time the armed step is reached. */
export function armFailpoint(armed: string | undefined, kill: () => void): HitFailpoint {
  if (armed === undefined) return noFailpoints;
  return (at) => {
    if (at === armed) kill();
  };
}
