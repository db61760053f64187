import { Command, InvalidArgumentError, Option } from "commander";
import { parse } from "yaml";
import { parseDuration } from "../api/duration.ts";
import { nameFilter } from "../api/include-exclude.ts";
import type { BackupPolicySpec } from "../api/kinds.generated.ts";
import { labelledOutNamespaces, readNamespaces } from "../backup/namespaces.ts";
import { CodedError } from "../errors.ts";
import { auditReport, isClean, policyOf } from "../report/audit.ts";
import { auditCsv } from "../report/audit-csv.ts";
import { auditHtml } from "../report/audit-html.ts";
import { auditText } from "../report/audit-text.ts";
import { type BackupRecord, parseShard } from "../report/backup-record.ts";
import { type DeclaredState, declaredHistory } from "./audit-history.ts";
import { promisedSchedules } from "./audit-slots.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf, requireCluster } from "./io.ts";
import {
  type ArchiveFiles,
  openRecordRepository,
  type RecordFiles,
  type RecordOptions,
  type RecordRepository,
  withRecord,
} from "./record-source.ts";
import { allNames, readKnown, verifyOne } from "./verify-records.ts";

interface AuditOptions extends RecordOptions {
  readonly policy?: string;
  readonly inNamespace?: string;
  readonly since: string;
  readonly format?: "text" | "json" | "csv" | "html";
  readonly verify: boolean;
  readonly location?: string;
  /** `--no-cluster`. */
  readonly cluster: boolean;
}

const EXAMPLES = `
Joins the history of the policies with the record on the status branch: who changed what and who merged it, which backups
were made under which commit, times without a Completed backup that the schedule did not allow, and the namespaces that
no policy covers. Exit code 3: something wants a look.

Examples:
  holdfast audit --git https://git.example.com/ops/cluster.git --path clusters/prod --cluster prod
  holdfast audit --policy shop --since 2160h --verify --format html > audit.html
  holdfast audit --in-namespace payments --format csv --no-cluster --git ./ops.git --cluster prod
`;

/** Builds `audit`. */
export function auditCommand(io: CliIo): Command {
  const command = new Command("audit").description("what was declared, by whom, and which backups were made of it");
  return withRecord(command)
    .option("--policy <[namespace/]name>", "only this policy")
    .option("-N, --in-namespace <name>", "only policies that cover this namespace")
    .addOption(
      new Option("--since <duration>", "how far back backups are looked at").argParser(parseSince).default("720h"),
    )
    .addOption(
      new Option("--format <format>", "how it is printed (default: --output)").choices(["text", "json", "csv", "html"]),
    )
    .option("--verify", "compare the digests in the bucket with those in Git", false)
    .option("--location <name>", "with --verify: storage location (default: the default one)")
    .option("--no-cluster", "ask no cluster: Git alone")
    .addHelpText("after", EXAMPLES)
    .action(async (options: AuditOptions) => await audit(io, options));
}

async function audit(io: CliIo, options: AuditOptions): Promise<void> {
  if (!options.cluster && (options.git === undefined || options.verify)) {
    const message = "without a cluster name the repository with --git; --verify needs the cluster's locations";
    throw new CodedError("Usage", { argument: "--no-cluster" }, message);
  }
  const nowMs = io.clock.now();
  const window = { nowMs, sinceMs: nowMs - (parseDuration(options.since) ?? 0) };
  const record = await openRecordRepository(io, options);
  if (record === undefined) {
    const message = "the cluster has no GitSource: name the repository of policies and record with --git";
    throw new CodedError("Usage", { argument: "--git" }, message);
  }
  try {
    assertRecorded(record);
    const head = await record.remote.fetch(record.branch, io.signal);
    const commits = await record.remote.changes(head, { path: record.path, signal: io.signal });
    if (commits.length === 0) throw noHistory(record, head);
    const all = declaredHistory(commits, io.options().namespace, () => true);
    const isWanted = wantedPolicies(io, options, all.states);
    const { changes, states } = declaredHistory(commits, io.options().namespace, wantedObjects(options, isWanted));
    const backups = await recordedBackups(record, window.sinceMs);
    const report = auditReport({
      cluster: requireCluster(io),
      ...window,
      changes,
      promised: promisedSchedules(states, window),
      backups: backups.filter((backup) => isWanted(policyOf(backup))),
      uncoveredNamespaces: options.cluster ? await uncovered(io, all.states) : undefined,
      findings: options.verify ? await findings(io, options, record) : undefined,
    });
    io.print(render(options.format ?? outputOf(io, ["text", "json"]), report));
    if (!isClean(report)) io.exitCode = ExitCode.Partial;
  } finally {
    await record.close();
  }
}

/** Without a record nothing would be amiss: a mistyped name must not read as a clean audit. */
function assertRecorded({ revision, statusBranch, remote }: RecordRepository): void {
  if (revision !== undefined) return;
  throw new CodedError(
    "GitBranchMissing",
    { url: remote.url, branch: statusBranch },
    `${remote.url} has no branch ${statusBranch}, so nothing is recorded there: see what --cluster and --status-branch name`,
  );
}

function noHistory({ remote, branch, path }: RecordRepository, revision: string): CodedError {
  const message = `no commit of ${branch} of ${remote.url} ever touched ${path === "" ? "a file" : path}: see what --path names`;
  return new CodedError("GitPathMissing", { path, revision }, message);
}

function render(format: string, report: ReturnType<typeof auditReport>): string {
  switch (format) {
    case "json":
      return JSON.stringify(report, undefined, 2);
    case "csv":
      return auditCsv(report);
    case "html":
      return auditHtml(report);
    default:
      return auditText(report);
  }
}

type IsWanted = (policy: string) => boolean;

/** Tells by `namespace/name` of a policy; of a namespace's policies those count that ever covered it. */
function wantedPolicies(io: CliIo, { policy, inNamespace }: AuditOptions, states: readonly DeclaredState[]): IsWanted {
  if (policy !== undefined) {
    const full = policy.includes("/") ? policy : `${io.options().namespace}/${policy}`;
    return (name) => name === full;
  }
  if (inNamespace === undefined) return () => true;
  const covering = new Set(policiesOf(states).flatMap(({ name, spec }) => (covers(spec, inNamespace) ? [name] : [])));
  return (name) => covering.has(name);
}

/** Of one policy or namespace only the policies themselves are told; of all, everything that was declared. */
function wantedObjects({ policy, inNamespace }: AuditOptions, isWanted: IsWanted): (object: string) => boolean {
  if (policy === undefined && inNamespace === undefined) return () => true;
  return (object) => object.startsWith("BackupPolicy ") && isWanted(object.slice("BackupPolicy ".length));
}

function policiesOf(states: readonly DeclaredState[]): { readonly name: string; readonly spec: BackupPolicySpec }[] {
  return states.flatMap(({ object, document }) =>
    document === undefined || !object.startsWith("BackupPolicy ")
      ? []
      : [{ name: object.slice("BackupPolicy ".length), spec: document.spec as BackupPolicySpec }],
  );
}

function covers({ template, suspend }: BackupPolicySpec, namespace: string): boolean {
  const { includedNamespaces: includes = [], excludedNamespaces: excludes = [] } = template ?? {};
  return suspend !== true && nameFilter({ includes, excludes }).includes(namespace);
}

/** Namespaces of the cluster that no policy at the head covers, or that a label keeps out of every backup. */
async function uncovered(io: CliIo, states: readonly DeclaredState[]): Promise<readonly string[]> {
  const latest = new Map(states.map((state) => [state.object, state]));
  const policies = policiesOf([...latest.values()]);
  const namespaces = await readNamespaces(await io.deps().kube(), io.signal);
  const out = new Set(labelledOutNamespaces(namespaces));
  return namespaces
    .map(({ name }) => name)
    .filter((name) => out.has(name) || !policies.some(({ spec }) => covers(spec, name)))
    .sort();
}

/** A backup that ran over New Year stands in the year in which it began. */
const LONGEST_RUN_MS = 7 * 24 * 60 * 60_000;

/** Records of backups that ended since then, archived ones too, each once. */
async function recordedBackups(record: RecordFiles, sinceMs: number): Promise<readonly BackupRecord[]> {
  const fromYear = new Date(sinceMs - LONGEST_RUN_MS).getUTCFullYear();
  const records = new Map<string, BackupRecord>();
  // the record last: it is right where a move was interrupted, and both have a backup
  for (const files of [...(await record.archives(fromYear)), record])
    for (const [file, backup] of await backupsSince(files, sinceMs)) records.set(file, backup);
  return [...records.values()];
}

/** By path of their file. Files that are no record are passed over: `--verify` tells of them. */
async function backupsSince(files: ArchiveFiles, sinceMs: number): Promise<readonly [string, BackupRecord][]> {
  const records: [string, BackupRecord][] = [];
  for (const shard of await files.shards()) {
    const rows = Object.entries(parseShard(await files.readFile(shard)));
    for (const [name, row] of rows) {
      if (row.completed !== undefined && Date.parse(row.completed) < sinceMs) continue;
      const path = shard.replace(/index\.json$/, `${name}.yaml`);
      const file = await files.readFile(path);
      const written = file === undefined ? undefined : (parse(file.toString("utf8")) as Partial<BackupRecord> | null);
      if (written?.name === name && written.phase !== undefined) records.push([path, written as BackupRecord]);
    }
  }
  return records;
}

/** What the bucket and Git disagree on; bodies are not read (`backup verify --read-data` does). */
async function findings(io: CliIo, options: AuditOptions, record: RecordRepository): Promise<readonly string[]> {
  const { store, namespace, name } = await io.deps().location(options.location);
  const known = await readKnown(io, record, { location: `${namespace}/${name}`, asksCluster: true });
  const lines: string[] = [];
  for (const backup of await allNames(store, known, io.signal)) {
    const verified = await verifyOne(store, known, backup, { readData: false, signal: io.signal });
    for (const { type, at, message } of verified?.problems ?? []) lines.push(`${backup}: ${type} ${at}: ${message}`);
  }
  return lines;
}

function parseSince(value: string): string {
  const ms = parseDuration(value);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("A duration such as 720h.");
  return value;
}
