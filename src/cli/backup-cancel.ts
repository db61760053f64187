import { Command } from "commander";
import { CANCEL_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import { BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { statusOf } from "./backup-source.ts";
import type { CliIo } from "./io.ts";

const EXAMPLES = `
The running Holdfast stops it: what has been written goes, post hooks of pods that are frozen run first, and the backup
ends Failed, for good. One that waits does not begin.

Examples:
  holdfast backup cancel shop-manual-20261120143000
`;

/** Builds `backup cancel`: it asks the running Holdfast. */
export function backupCancelCommand(io: CliIo): Command {
  return new Command("cancel")
    .description("stop a backup that is under way, or waits")
    .argument("<name>")
    .addHelpText("after", EXAMPLES)
    .action(async (name: string) => {
      const kube = await io.deps().kube();
      const key = { namespace: io.options().namespace, name };
      const backup = await kube.get(BACKUP, key, io.signal);
      if (backup === undefined) {
        const message = `there is no Backup ${key.namespace}/${name}: list those there are with \`holdfast backup get\``;
        throw new CodedError("BackupNotFound", { name, location: key.namespace }, message);
      }
      const { phase } = statusOf(backup);
      if (isEnded(phase)) return io.print(`Backup ${name} has ended already: ${phase}`);
      const body = { metadata: { annotations: { [CANCEL_REQUESTED_ANNOTATION]: name } } };
      await kube.patch(BACKUP, key, { type: "merge", body }, { signal: io.signal });
      io.print(`Backup ${name} is asked to stop: see \`holdfast backup describe ${name}\``);
    });
}
