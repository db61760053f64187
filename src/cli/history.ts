import { Command } from "commander";
import { type FollowedObject, type HistoryEntry, objectHistory } from "../backup/history.ts";
import { CodedError } from "../errors.ts";
import { changesText, redactDiff } from "../report/backup-diff.ts";
import { printable } from "../report/plan-lines.ts";
import {
  findResource,
  type ObjectOptions,
  objectOptions,
  openSource,
  withObjectNamespace,
  withSource,
} from "./backup-source.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";

interface HistoryOptions extends ObjectOptions {
  readonly showSecrets: boolean;
}

const EXAMPLES = `
A backup that can't be read is named, the others are told all the same, and the exit code is 3.

Examples:
  holdfast history deployments.apps web -n shop
  holdfast history configmaps shop-config -n shop --dir /mnt/backups
`;

/** Builds `history`: the versions of one object through all backups of a location, and when a field changed. */
export function historyCommand(io: CliIo): Command {
  const command = new Command("history")
    .description("follow one object through all backups")
    .argument("<resource>")
    .argument("<name>");
  return withObjectNamespace(withSource(command))
    .option("--show-secrets", "print values of Secrets", false)
    .addHelpText("after", EXAMPLES)
    .action(async (wanted: string, name: string, given: HistoryOptions) => {
      await follow(io, { wanted, name, options: objectOptions(io, command, given) });
    });
}

interface Followed {
  readonly wanted: string;
  readonly name: string;
  readonly options: HistoryOptions;
}

async function follow(io: CliIo, { wanted, name, options }: Followed): Promise<void> {
  const store = await openSource(io, options);
  let resource = wanted;
  const followed: FollowedObject = {
    key: { namespace: options.inNamespace ?? "", name },
    resourceIn: async (reader) => {
      const found = await findResource(io, reader, options, wanted);
      resource = found ?? resource;
      return found;
    },
  };
  let versions = 0;
  for await (const entry of objectHistory(store, followed, io.signal)) {
    if (entry.type === "first" || entry.type === "changed") versions++;
    if (entry.type === "unreadable") io.exitCode = ExitCode.Partial;
    const kind = resource === "secrets" ? "Secret" : "";
    const shown = options.showSecrets ? { ...entry, kind } : redactDiff({ ...entry, kind });
    io.stdout.write(outputOf(io, ["text", "json"]) === "json" ? jsonLine(shown) : entryText(io, shown));
  }
  if (versions === 0) throw notArchived(store.location, `${resource} ${name}`, options.inNamespace);
}

function notArchived(where: string, object: string, namespace: string | undefined): CodedError {
  const hint = namespace === undefined ? "; objects in a namespace need -n" : ` in namespace ${namespace}`;
  return new CodedError("ObjectNotArchived", { object, where }, `no backup in ${where} holds ${object}${hint}`);
}

function jsonLine({ kind: _kind, ...entry }: HistoryEntry & { readonly kind: string }): string {
  return `${JSON.stringify(entry)}\n`;
}

function entryText(io: CliIo, entry: HistoryEntry): string {
  const words = {
    absent: "absent",
    first: "first seen",
    same: "unchanged",
    changed: "changed",
    unreadable: `unreadable: ${printable(entry.message ?? "")}`,
  } as const;
  const digest = entry.content === undefined ? "" : `  ${entry.content.slice(0, 12)}`;
  const head = `${entry.started || "unknown time"}  ${entry.backup}  ${words[entry.type]}${digest}\n`;
  return head + changesText(entry.changes ?? [], io);
}
