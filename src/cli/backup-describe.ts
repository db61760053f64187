import { Command } from "commander";
import { MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import { BACKUP } from "../api/kinds.ts";
import { yamlText } from "../api/yaml-text.ts";
import { isCoded } from "../errors.ts";
import { type DescribedBackup, describeBackup } from "../report/backup-describe.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { readBackupFile, type SourceOptions, withBackup, withSource } from "./backup-source.ts";
import { type CliIo, outputOf } from "./io.ts";

interface DescribeOptions extends SourceOptions {
  readonly details: boolean;
}

const EXAMPLES = `
Backups made by Velero are described too.

Examples:
  holdfast backup describe shop-daily-20261120030000
  holdfast backup describe shop-daily-20261120030000 --details
`;

/** Builds `backup describe`. */
export function backupDescribeCommand(io: CliIo): Command {
  return withSource(
    new Command("describe").description("show what a backup holds and what went wrong").argument("<name>"),
  )
    .option("--details", "list every object", false)
    .addHelpText("after", EXAMPLES)
    .action(async (name: string, options: DescribeOptions) => {
      const described = await describedBackup(io, name, options);
      const output = outputOf(io, ["text", "json", "yaml"]);
      if (output === "json") io.print(JSON.stringify(described, undefined, 2));
      else if (output === "yaml") io.print(yamlText(described));
      else io.print(describeBackup(described, io.width));
    });
}

/** From the bucket; a backup that is under way or failed has nothing there, and is described by its object. */
async function describedBackup(io: CliIo, name: string, options: DescribeOptions): Promise<DescribedBackup> {
  try {
    return await withBackup(io, name, options, (reader, store) => gather(reader, store, options.details));
  } catch (error) {
    const isAbsent = isCoded(error, "BackupNotFound") || isCoded(error, "BackupIncomplete");
    if (!isAbsent || options.dir !== undefined) throw error;
    const kube = await io.deps().kube();
    const marker = await kube.get(BACKUP, { namespace: io.options().namespace, name }, io.signal);
    if (marker === undefined) throw error;
    return { marker };
  }
}

async function gather(reader: BackupReader, store: ObjectStore, details: boolean): Promise<DescribedBackup> {
  const { manifest, name } = reader;
  const json = async (file: "results" | "volumeInfo" | "resourceList"): Promise<unknown> => {
    const text = await readBackupFile(store, name, file);
    // Velero writes `null` for an empty list.
    return text === undefined ? undefined : (JSON.parse(text) ?? undefined);
  };
  const archive = manifest?.files.find((file) => file.name === `${name}.tar.gz`);
  return {
    marker: reader.backup,
    manifestSha256: reader.backup.metadata.annotations?.[MANIFEST_SHA256_ANNOTATION],
    manifest:
      manifest === undefined
        ? undefined
        : {
            cluster: manifest.cluster,
            namespace: manifest.namespace,
            ...(manifest.policy === undefined ? {} : { policy: manifest.policy }),
            ...(manifest.resourcePolicy === undefined ? {} : { resourcePolicy: manifest.resourcePolicy }),
            ...(manifest.globalVolumePolicies === undefined
              ? {}
              : { globalVolumePolicies: manifest.globalVolumePolicies }),
            items: manifest.counts.items,
            resources: manifest.counts.resources,
            archiveSizeBytes: archive?.sizeBytes ?? 0,
          },
    results: (await json("results")) as DescribedBackup["results"],
    volumes: (await json("volumeInfo")) as DescribedBackup["volumes"],
    resourceList: details ? ((await json("resourceList")) as DescribedBackup["resourceList"]) : undefined,
  };
}
