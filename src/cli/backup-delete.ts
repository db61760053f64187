import { Command } from "commander";
import { DELETE_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import { BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { CliIo } from "./io.ts";

const EXAMPLES = `
Deletes the data in the bucket, for good: the running Holdfast does it, unless the backup is in use. Deleting a Backup
object alone deletes no data: sync brings the object back.

Examples:
  holdfast backup delete shop-manual-20261120143000 --confirm
`;

/** Builds `backup delete`: it asks the running Holdfast, which alone deletes. */
export function backupDeleteCommand(io: CliIo): Command {
  return new Command("delete")
    .description("delete the data of backups")
    .argument("<name...>")
    .option("--confirm", "do it; without, only say what would be deleted", false)
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], options: { readonly confirm: boolean }) => {
      const kube = await io.deps().kube();
      const { namespace } = io.options();
      for (const name of names) {
        const backup = await kube.get(BACKUP, { namespace, name }, io.signal);
        if (backup === undefined)
          throw new CodedError(
            "BackupNotFound",
            { name, location: namespace },
            `there is no Backup ${namespace}/${name}`,
          );
        if (!options.confirm) {
          io.print(`Backup ${name} and its data would be deleted: add --confirm`);
          continue;
        }
        const body = { metadata: { annotations: { [DELETE_REQUESTED_ANNOTATION]: name } } };
        await kube.patch(BACKUP, { namespace, name }, { type: "merge", body }, { signal: io.signal });
        io.print(`Deletion of backup ${name} is requested`);
      }
    });
}
