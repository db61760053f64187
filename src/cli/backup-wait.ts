import type { Backup } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { obstacleText, progressDetails } from "../report/backup-progress.ts";
import { isEnded } from "../report/backup-record.ts";
import { counted } from "../report/plan-lines.ts";
import { ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { createProgressDisplay, type Progress } from "./progress.ts";

const POLL_MS = 500;

/** Follows a backup to its end; a bar on a terminal, a line per change elsewhere. Sets the exit code. */
export async function waitForBackup(io: CliIo, kube: KubeClient, backup: Backup): Promise<void> {
  const { name, namespace = "" } = backup.metadata;
  const display = createProgressDisplay(io);
  for (;;) {
    const live = (await kube.get(BACKUP, { namespace, name }, io.signal)) as Backup | undefined;
    if (live === undefined)
      throw new CodedError("BackupNotFound", { name, location: namespace }, `Backup ${namespace}/${name} was deleted`);
    display.show(progressOf(live));
    if (isEnded(live.status?.phase)) {
      display.end();
      return finish(io, live);
    }
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

function finish(io: CliIo, backup: Backup): void {
  const { phase, errors = 0, warnings = 0, progress, failureReason, validationErrors } = backup.status ?? {};
  io.print(
    `Backup ${backup.metadata.name}: ${phase}, ${counted(progress?.itemsBackedUp ?? 0, "item")}, ${counted(errors, "error")}, ${counted(warnings, "warning")}`,
  );
  if (errors + warnings > 0) io.print(`  holdfast backup describe ${backup.metadata.name}   says which`);
  for (const reason of [failureReason, ...(validationErrors ?? [])]) if (reason !== undefined) io.print(`  ${reason}`);
  if (phase === "PartiallyFailed") io.exitCode = ExitCode.Partial;
  else if (phase !== "Completed") io.exitCode = ExitCode.Failed;
}

function progressOf(backup: Backup): Progress {
  const { phase = "New", progress } = backup.status ?? {};
  const obstacle = obstacleText(backup.status ?? {});
  const { itemsBackedUp: done = 0, totalItems: total = 0 } = progress ?? {};
  const state = total === 0 && obstacle !== undefined ? `${phase}: ${obstacle}` : phase;
  return { name: backup.metadata.name, state, done, total, details: progressDetails(progress) };
}
