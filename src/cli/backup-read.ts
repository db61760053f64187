/** `backup logs`, `download` and `cat`: what a backup holds, as it is. */
import { type FileHandle, open, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import { parseJson, stringifyJson } from "../api/json.ts";
import { BACKUP } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { yamlText } from "../api/yaml-text.ts";
import { CodedError, messageOf } from "../errors.ts";
import { isEnded } from "../report/backup-record.ts";
import { redactSecret } from "../report/secret-redact.ts";
import { backupKeys } from "../storage/layout.ts";
import {
  type ObjectOptions,
  objectOptions,
  openSource,
  readBackupFile,
  resourceIn,
  type SourceOptions,
  statusOf,
  withBackup,
  withObjectNamespace,
  withSource,
} from "./backup-source.ts";
import { type CliIo, outputOf } from "./io.ts";

/** Builds `backup logs`. */
export function backupLogsCommand(io: CliIo): Command {
  return withSource(new Command("logs").description("print a backup's log").argument("<name>")).action(
    async (name: string, options: SourceOptions) => {
      const store = await openSource(io, options, name);
      const log = await readBackupFile(store, name, "logs");
      if (log === undefined) throw await withoutLog(io, name, store.location, options);
      io.print(log);
    },
  );
}

/** Why there is no log: a backup has one when it has ended with something to show. */
async function withoutLog(io: CliIo, name: string, location: string, { dir }: SourceOptions): Promise<CodedError> {
  const key = { namespace: io.options().namespace, name };
  const backup = dir === undefined ? await (await io.deps().kube()).get(BACKUP, key, io.signal) : undefined;
  if (backup === undefined) {
    const message = `${location} has no log of a backup "${name}": list those it has with \`holdfast backup get\``;
    return new CodedError("BackupNotFound", { name, location }, message);
  }
  const { phase = "New", failureReason } = statusOf(backup);
  const why = failureReason === undefined ? "" : ` (${failureReason})`;
  const then = isEnded(phase) ? ", and has left no log" : ": its log is there when it has ended";
  const message = `backup ${name} is ${phase}${why}${then}; see \`holdfast backup describe ${name}\``;
  return new CodedError("BackupIncomplete", { name }, message);
}

interface DownloadOptions extends SourceOptions {
  readonly to?: string;
  readonly force: boolean;
}

/** Builds `backup download`: the archive as it stands in the bucket. */
export function backupDownloadCommand(io: CliIo): Command {
  return withSource(
    new Command("download").description("copy a backup's archive (tar.gz) to a file").argument("<name>"),
  )
    .option("--to <file>", "target (default: <name>-data.tar.gz)")
    .option("--force", "overwrite the target", false)
    .action(async (name: string, options: DownloadOptions) => {
      const target = options.to ?? `${name}-data.tar.gz`;
      await withBackup(io, name, options, async (reader, store) => {
        const file = await openTarget(target, options.force);
        try {
          // Ours is compared with its digest first: a file that was handed out is trusted.
          await reader.verifyArchive();
          await file.truncate(0);
          await pipeline(await store.get(backupKeys(name).archive, io.signal), file.createWriteStream());
        } catch (error) {
          await file.close();
          if (!options.force) await rm(target, { force: true });
          throw error instanceof CodedError ? error : cannotWrite(target, error);
        }
      });
      io.print(`Backup ${name} is in ${target}`);
    });
}

/** What is there already stays as it is until there is something to put in its place. */
async function openTarget(target: string, overwrites: boolean): Promise<FileHandle> {
  try {
    return await open(target, overwrites ? "a" : "wx");
  } catch (error) {
    throw cannotWrite(target, error);
  }
}

function cannotWrite(target: string, cause: unknown): CodedError {
  const isThere = (cause as NodeJS.ErrnoException).code === "EEXIST";
  const why = isThere ? "it is there already; use --force to overwrite it" : messageOf(cause);
  return new CodedError("Usage", { argument: "--to" }, `cannot write ${target}: ${why}`, { cause });
}

interface CatOptions extends ObjectOptions {
  readonly showSecrets: boolean;
}

const CAT_EXAMPLES = `
Prints YAML, or JSON with --output json. Values of Secrets are replaced by their sizes unless --show-secrets is given.

Examples:
  holdfast backup cat shop-daily-20261120030000 deployments web -n shop
  holdfast backup cat shop-daily-20261120030000 secret db -n shop --show-secrets --output json
`;

/** Builds `backup cat`. */
export function backupCatCommand(io: CliIo): Command {
  const command = new Command("cat")
    .description("print one object out of a backup")
    .argument("<backup>")
    .argument("<resource>", "such as deployments, cm or widgets.example.org")
    .argument("<name>");
  return withObjectNamespace(withSource(command))
    .option("--show-secrets", "print values of Secrets", false)
    .addHelpText("after", CAT_EXAMPLES)
    .action(async (backup: string, wanted: string, name: string, given: CatOptions) => {
      const options = objectOptions(io, command, given);
      await withBackup(io, backup, options, async (reader) => {
        const resource = await resourceIn(io, reader, options, wanted);
        const key = { namespace: options.inNamespace ?? "", name };
        const row = await reader.row(resource, key);
        if (row === undefined) {
          const hint = options.inNamespace === undefined ? "; objects in a namespace need -n" : "";
          const data = { object: `${resource} ${name}`, where: backup };
          throw new CodedError("ObjectNotArchived", data, `backup ${backup} holds no ${resource} ${name}${hint}`);
        }
        const object = parseJson(await reader.read(row)) as KubeObject;
        io.print(printed(io, options.showSecrets ? object : redactSecret(object)));
      });
    });
}

function printed(io: CliIo, object: KubeObject): string {
  const json = stringifyJson(object, 2);
  // YAML of the JSON text keeps every digit of a large number.
  return outputOf(io, ["text", "json", "yaml"]) === "json" ? json : yamlText(JSON.parse(json, exactNumbers));
}

/** Integers beyond a double as bigint, which YAML writes digit by digit. */
function exactNumbers(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || String(value) === source) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}
