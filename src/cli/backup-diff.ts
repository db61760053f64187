import { Command } from "commander";
import { compareBackups, type ObjectDifference } from "../backup/compare.ts";
import { compareWithLive } from "../backup/compare-live.ts";
import { diffEntryText, diffTotals, redactDiff } from "../report/backup-diff.ts";
import { openBackup } from "../storage/backup-reader.ts";
import {
  type ObjectOptions,
  objectOptions,
  openSource,
  resourceIn,
  withBackup,
  withObjectNamespace,
  withSource,
} from "./backup-source.ts";
import { type CliIo, outputOf } from "./io.ts";

interface DiffOptions extends ObjectOptions {
  readonly resource?: string;
  readonly showSecrets: boolean;
}

const EXAMPLES = `
Compares what a restore would bring back: status and what the API server keeps for itself don't count. Only objects
that differ are read. Of Secrets the keys that changed are shown, with the sizes of their values; --show-secrets prints
the values.

Examples:
  holdfast backup diff shop-daily-20261119030000 shop-daily-20261120030000
  holdfast backup diff shop-daily-20261120030000 live -n shop
  holdfast backup diff A B --resource deployments --output json
`;

/** Builds `backup diff`. */
export function backupDiffCommand(io: CliIo): Command {
  const command = new Command("diff")
    .description("what changed between two backups, or from a backup to the live cluster")
    .argument("<before>", "a backup")
    .argument("<after>", "a backup, or: live");
  return withObjectNamespace(withSource(command))
    .option("--resource <name>", "only this resource")
    .option("--show-secrets", "print values of Secrets", false)
    .addHelpText("after", EXAMPLES)
    .action(async (before: string, after: string, given: DiffOptions) => {
      const options = objectOptions(io, command, given);
      await withBackup(io, before, options, async (reader, store) => {
        const filter = {
          ...(options.resource === undefined
            ? {}
            : { resource: await resourceIn(io, reader, options, options.resource) }),
          ...(options.inNamespace === undefined ? {} : { namespace: options.inNamespace }),
        };
        if (after === "live")
          return await printAll(io, compareWithLive(reader, await io.deps().kube(), filter, io.signal), options);
        const otherStore =
          options.location === undefined && options.dir === undefined ? await openSource(io, options, after) : store;
        const other = await openBackup(otherStore, after, { signal: io.signal });
        try {
          await printAll(io, compareBackups(reader, other, filter), options);
        } finally {
          await other.close();
        }
      });
    });
}

async function printAll(io: CliIo, differences: AsyncIterable<ObjectDifference>, options: DiffOptions): Promise<void> {
  const counts = { added: 0, removed: 0, changed: 0 };
  const isJson = outputOf(io, ["text", "json"]) === "json";
  for await (const difference of differences) {
    counts[difference.type]++;
    const shown = options.showSecrets ? difference : redactDiff(difference);
    io.stdout.write(isJson ? `${JSON.stringify(shown)}\n` : diffEntryText(shown, io));
  }
  io.print(isJson ? JSON.stringify({ totals: counts }) : diffTotals(counts));
}
