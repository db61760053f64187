import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import type { Backup } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import type { ShardRow } from "../report/backup-record.ts";
import { listBackups } from "../storage/list-backups.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { type VerifyProblem, type VerifyReport, verifyBackup } from "../storage/verify-backup.ts";
import { openSource, type SourceOptions, withSource } from "./backup-source.ts";
import { ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";

interface VerifyCommandOptions extends SourceOptions {
  readonly all: boolean;
  readonly readData: boolean;
  readonly records?: string;
}

/** A damaged, missing or foreign backup, and what the records promised. */
interface Verified extends Omit<VerifyReport, "problems"> {
  readonly problems: readonly (VerifyProblem | RecordProblem)[];
}

interface RecordProblem {
  /** The digest in the bucket is not the one that was recorded when the backup was made. */
  readonly type: "record";
  readonly at: string;
  readonly message: string;
}

const EXAMPLES = `
Compares names, sizes, manifest and marker; with --read-data every byte of every object too. The manifest's digest is
compared with the Backup object, and with the Git record where --records names a checkout of the status branch: whoever
replaced a whole folder in the bucket is found by it. Exit code 1: something is wrong. 3, with --all: with some of them.

Examples:
  holdfast backup verify shop-daily-20261120030000 --read-data
  holdfast backup verify --all --records ../status
`;

/** Builds `backup verify`. */
export function backupVerifyCommand(io: CliIo): Command {
  return withSource(
    new Command("verify").description("compare backups with what they were when they were made").argument("[name]"),
  )
    .option("--all", "every backup of the location", false)
    .option("--read-data", "read and compare every object", false)
    .option("--records <dir>", "checkout of the status branch, to compare with")
    .addHelpText("after", EXAMPLES)
    .action(async (name: string | undefined, options: VerifyCommandOptions) => {
      if ((name === undefined) === !options.all)
        throw new CodedError("Usage", { argument: "name" }, "name one backup, or give --all");
      const store = await openSource(io, options, name);
      const names = name === undefined ? await allNames(store, io.signal) : [name];
      const expected = await recordedDigests(io, options);
      const reports: Verified[] = [];
      for (const each of names) {
        const report = await verifyBackup(store, each, { readData: options.readData, signal: io.signal });
        reports.push({ ...report, problems: [...report.problems, ...recordProblems(report, expected)] });
        io.print(
          io.options().output === "json" ? JSON.stringify(reports.at(-1)) : reportText(reports.at(-1) ?? { ...report }),
        );
      }
      const damaged = reports.filter((report) => report.problems.length > 0).length;
      if (damaged > 0) io.exitCode = damaged < reports.length ? ExitCode.Partial : ExitCode.Failed;
    });
}

async function allNames(store: ObjectStore, signal: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of listBackups(store, { signal })) names.push(name);
  return names;
}

/** Manifest digests by backup: where each was recorded, and what was. */
type Recorded = ReadonlyMap<string, readonly { readonly where: string; readonly manifestSha256: string }[]>;

async function recordedDigests(io: CliIo, options: VerifyCommandOptions): Promise<Recorded> {
  const recorded = new Map<string, { where: string; manifestSha256: string }[]>();
  const add = (name: string, where: string, manifestSha256: string | undefined): void => {
    if (manifestSha256 !== undefined) recorded.set(name, [...(recorded.get(name) ?? []), { where, manifestSha256 }]);
  };
  if (options.records !== undefined) {
    for (const file of await shardFiles(options.records)) {
      const { backups = {} } = JSON.parse(await readFile(file, "utf8")) as { backups?: Record<string, ShardRow> };
      for (const [name, row] of Object.entries(backups)) add(name, file, row.manifestSha256);
    }
  }
  if (options.dir === undefined) {
    const kube = await io.deps().kube();
    for (const backup of (await kube.list(BACKUP, {
      namespace: io.options().namespace,
      signal: io.signal,
    })) as unknown as Backup[]) {
      add(backup.metadata.name, "the Backup object", backup.status?.manifestSha256);
    }
  }
  return recorded;
}

async function shardFiles(root: string): Promise<string[]> {
  const entries = await readdir(join(root, "backups"), { recursive: true }).catch((error: unknown) => {
    throw new CodedError(
      "Usage",
      { argument: "--records" },
      `${root} has no folder backups/: give a checkout of the status branch`,
      { cause: error },
    );
  });
  return entries.filter((path) => path.endsWith("index.json")).map((path) => join(root, "backups", path));
}

function recordProblems(report: VerifyReport, recorded: Recorded): RecordProblem[] {
  return (recorded.get(report.name) ?? [])
    .filter(({ manifestSha256 }) => manifestSha256 !== report.manifestSha256)
    .map(({ where, manifestSha256 }) => ({
      type: "record",
      at: where,
      message: `it recorded the manifest ${manifestSha256}, the bucket has ${report.manifestSha256 ?? "none"}: the whole backup was replaced`,
    }));
}

function reportText({ name, madeBy, readData, files, items, bytesRead, problems }: Verified): string {
  const looked = readData ? `${items} objects read` : `${items} objects counted`;
  const head = `${name}: ${problems.length === 0 ? "ok" : `${problems.length} problems`} (made by ${madeBy}, ${files} files, ${looked}, ${bytesRead} bytes)`;
  return [head, ...problems.map((problem) => `  ${problem.type}  ${problem.at}: ${problem.message}`)].join("\n");
}
