import { Command } from "commander";
import { DELETE_FORCED_ANNOTATION, DELETE_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import { API_VERSION, BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import { SYNCED_ANNOTATION } from "../reconcile/marker-plan.ts";
import { backupKeys } from "../storage/layout.ts";
import type { CliIo, OpenedLocation } from "./io.ts";

const EXAMPLES = `
Deletes the data in the bucket, for good, and the records of the restores made from it: the running Holdfast does it,
unless the backup is in use. Deleting a Backup object alone deletes no data: sync brings the object back.

--location names a folder of the bucket that no Backup object stands for, such as one without a readable marker.
--force gives up data whose location is gone for good or can't be reached: only the object goes, and where the location
comes back with the data, the backup is found again.

Examples:
  holdfast backup delete shop-manual-20261120143000 --confirm
  holdfast backup delete half-written --location main --confirm
  holdfast backup delete shop-daily-20251120030000 --force --confirm
`;

interface DeleteOptions {
  readonly confirm: boolean;
  readonly force: boolean;
  readonly location?: string;
}

/** Builds `backup delete`: it asks the running Holdfast, which alone deletes. */
export function backupDeleteCommand(io: CliIo): Command {
  return new Command("delete")
    .description("delete the data of backups")
    .argument("<name...>")
    .option("--confirm", "do it; without, only say what would be deleted", false)
    .option("--force", "forget backups whose location is gone for good", false)
    .option("--location <name>", "where the folder is, for one without a Backup object")
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], options: DeleteOptions) => {
      for (const name of names) await requestDeletion(io, name, options);
    });
}

async function requestDeletion(io: CliIo, name: string, options: DeleteOptions): Promise<void> {
  const kube = await io.deps().kube();
  const { namespace } = io.options();
  const { signal } = io;
  const backup = await kube.get(BACKUP, { namespace, name }, signal);
  const folder =
    backup === undefined && options.location !== undefined ? await findFolder(io, name, options.location) : undefined;
  if (backup === undefined && folder === undefined) {
    const hint = options.location === undefined ? "; --location names a bucket that may hold its folder" : "";
    const message = `there is no Backup ${namespace}/${name}${hint}`;
    throw new CodedError("BackupNotFound", { name, location: options.location ?? namespace }, message);
  }
  if (!options.confirm) return io.print(`Backup ${name} and its data would be deleted: add --confirm`);
  const annotations = {
    [DELETE_REQUESTED_ANNOTATION]: name,
    ...(options.force ? { [DELETE_FORCED_ANNOTATION]: name } : {}),
  };
  if (folder === undefined) {
    await kube.patch(BACKUP, { namespace, name }, { type: "merge", body: { metadata: { annotations } } }, { signal });
  } else {
    // made as sync makes them, so that nobody takes it for a backup that is to be run
    const metadata = {
      name,
      namespace: folder.namespace,
      annotations: { ...annotations, [SYNCED_ANNOTATION]: folder.name },
    };
    const spec = { storageLocation: folder.name };
    await kube.create(BACKUP, { apiVersion: API_VERSION, kind: "Backup", metadata, spec }, { signal });
  }
  io.print(`Deletion of backup ${name} is requested`);
}

/** The location, where it has a folder of that name. */
async function findFolder(io: CliIo, name: string, location: string): Promise<OpenedLocation | undefined> {
  const opened = await io.deps().location(location);
  for await (const _file of opened.store.list(backupKeys(name).prefix, io.signal)) return opened;
  return undefined;
}
