import { Command } from "commander";
import { CodedError } from "../errors.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { openSourceLocation, type SourceOptions, withSource } from "./backup-source.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";
import {
  openRecordFolder,
  openRecordRepository,
  type RecordFiles,
  type RecordOptions,
  withRecord,
} from "./record-source.ts";
import { allNames, type Known, readKnown, type Verified, verifyOne } from "./verify-records.ts";

interface VerifyCommandOptions extends SourceOptions, RecordOptions {
  readonly all: boolean;
  readonly readData: boolean;
}

const EXAMPLES = `
Compares names, sizes, manifest and marker; with --read-data every byte of every object too. The manifest's digest is
compared with the Backup object and with the index in Git: that of the cluster's GitSource, of --git, or of a checkout
of the status branch in --records. Whoever replaced a whole folder in the bucket is found by it, and so is whoever
changed the index in Git. Exit code 1: something is wrong. 3, with --all: with some of them.

Examples:
  holdfast backup verify shop-daily-20261120030000 --read-data
  holdfast backup verify --all --git https://git.example.com/ops/cluster.git --cluster prod
  holdfast backup verify --all --dir /mnt/bucket --records ../status
`;

/** Builds `backup verify`. */
export function backupVerifyCommand(io: CliIo): Command {
  const command = new Command("verify")
    .description("compare backups with what they were when they were made")
    .argument("[name]");
  return withRecord(withSource(command))
    .option("--all", "every backup of the location", false)
    .option("--read-data", "read and compare every object", false)
    .option("--records <dir>", "checkout of the status branch, instead of --git")
    .addHelpText("after", EXAMPLES)
    .action(async (name: string | undefined, options: VerifyCommandOptions) => {
      if ((name === undefined) === !options.all)
        throw new CodedError("Usage", { argument: "name" }, "name one backup, or give --all");
      const { store, location } = await openSourceLocation(io, options, name);
      const record = await openRecord(io, options);
      try {
        const known = await readKnown(io, record, { location, asksCluster: options.dir === undefined });
        await verifyEach(io, options, { store, known, names: name === undefined ? undefined : [name] });
      } finally {
        await record?.close?.();
      }
    });
}

async function openRecord(
  io: CliIo,
  options: VerifyCommandOptions,
): Promise<(RecordFiles & { close?(): Promise<void> }) | undefined> {
  if (options.records !== undefined) return openRecordFolder(options.records);
  const record =
    options.dir !== undefined && options.git === undefined ? undefined : await openRecordRepository(io, options);
  io.note(
    record === undefined
      ? "not compared with Git: name the repository with --git, or a checkout of the status branch with --records"
      : `compared with ${record.where}`,
  );
  return record;
}

async function verifyEach(
  io: CliIo,
  options: VerifyCommandOptions,
  {
    store,
    known,
    names,
  }: { readonly store: ObjectStore; readonly known: Known; readonly names: readonly string[] | undefined },
): Promise<void> {
  const reports: Verified[] = [];
  for (const name of names ?? (await allNames(store, known, io.signal))) {
    const report = await verifyOne(store, known, name, { readData: options.readData, signal: io.signal });
    if (report === undefined) continue;
    reports.push(report);
    io.print(outputOf(io, ["text", "json"]) === "json" ? JSON.stringify(report) : reportText(report));
  }
  const damaged = reports.filter((report) => report.problems.length > 0).length;
  if (damaged > 0) io.exitCode = damaged < reports.length ? ExitCode.Partial : ExitCode.Failed;
}

function reportText({ name, madeBy, readData, files, items, bytesRead, problems }: Verified): string {
  const looked = readData ? `${items} objects read` : `${items} objects counted`;
  const head = `${name}: ${problems.length === 0 ? "ok" : `${problems.length} problems`} (made by ${madeBy}, ${files} files, ${looked}, ${bytesRead} bytes)`;
  return [head, ...problems.map((problem) => `  ${problem.type}  ${problem.at}: ${problem.message}`)].join("\n");
}
