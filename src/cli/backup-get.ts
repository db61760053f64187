import { Command } from "commander";
import { BACKUP } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { yamlText } from "../api/yaml-text.ts";
import { CodedError } from "../errors.ts";
import { backupTable } from "../report/backup-table.ts";
import { listBackups } from "../storage/list-backups.ts";
import { openSource, type SourceOptions, statusOf, withSource } from "./backup-source.ts";
import { type CliIo, outputOf } from "./io.ts";

const EXAMPLES = `
Without options the Backup objects of the cluster are listed, those under way and failed too; with --location or --dir
the bucket itself, which is the truth about what exists. --output wide has the times in full, and who made it.

Examples:
  holdfast backup get
  holdfast backup get --location s3-main --output json
  holdfast backup get --dir /mnt/backups
`;

/** Builds `backup get`. */
export function backupGetCommand(io: CliIo): Command {
  return withSource(new Command("get").description("list backups").argument("[name...]", "only these"))
    .addHelpText("after", EXAMPLES)
    .action(async (names: string[], options: SourceOptions) => {
      const all =
        options.location === undefined && options.dir === undefined
          ? await fromCluster(io)
          : await fromStore(io, options);
      for (const name of names)
        if (!all.some(({ metadata }) => metadata.name === name)) throw notFound(name, placeOf(io, options));
      const backups = all.filter((backup) => names.length === 0 || names.includes(backup.metadata.name)).sort(byStart);
      io.print(render(io, backups));
    });
}

function placeOf(io: CliIo, { location, dir }: SourceOptions): string {
  return dir ?? (location === undefined ? `namespace ${io.options().namespace}` : `location ${location}`);
}

function notFound(name: string, where: string): CodedError {
  return new CodedError(
    "BackupNotFound",
    { name, location: where },
    `there is no backup "${name}" in ${where}: list those there are with \`holdfast backup get\``,
  );
}

async function fromCluster(io: CliIo): Promise<KubeObject[]> {
  const kube = await io.deps().kube();
  return await kube.list(BACKUP, { namespace: io.options().namespace, signal: io.signal });
}

async function fromStore(io: CliIo, options: SourceOptions): Promise<KubeObject[]> {
  const store = await openSource(io, options);
  const found: KubeObject[] = [];
  const onUnreadable = (name: string): void => io.note(`backup ${name} has a marker that can't be read`);
  for await (const { backup } of listBackups(store, { signal: io.signal, onUnreadable })) found.push(backup);
  return found;
}

function render(io: CliIo, backups: readonly KubeObject[]): string {
  const output = outputOf(io, ["text", "wide", "json", "yaml"]);
  if (output === "json") return JSON.stringify(backups, undefined, 2);
  if (output === "yaml") return yamlText(backups);
  if (backups.length === 0) return "No backups found.";
  return backupTable(backups, { nowMs: io.clock.now(), wide: output === "wide" });
}

/** Newest first; those that have not begun stand on top. */
function byStart(a: KubeObject, b: KubeObject): number {
  const [left, right] = [statusOf(a).startTimestamp ?? "9", statusOf(b).startTimestamp ?? "9"];
  return left === right ? (a.metadata.name < b.metadata.name ? -1 : 1) : left < right ? 1 : -1;
}
