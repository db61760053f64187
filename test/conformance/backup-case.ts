/** The backup side of a recorded scenario: which backups Velero made of which state, and what was in them. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { documents, type Step } from "./restore-scenario.ts";

/** One backup that Velero made. */
export interface RecordedBackup {
  /** The backup's name, as the recording has it. */
  readonly name: string;
  readonly spec: BackupSpec;
  readonly phase: string;
  readonly warnings: RecordedGroups;
  readonly errors: RecordedGroups;
  readonly tarEntries: readonly string[];
  /** Exec requests by pod, each a command; undefined where none were recorded. */
  readonly execs: ReadonlyMap<string, readonly string[]> | undefined;
  readonly resourceList: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface RecordedGroups {
  readonly velero?: readonly string[];
  readonly cluster?: readonly string[];
  readonly namespaces?: Readonly<Record<string, readonly string[]>>;
}

/** A scenario as far as backups go. */
export interface BackupScenario {
  readonly name: string;
  readonly before: string;
  readonly veleroNamespace: readonly KubeObject[];
  readonly setup: readonly Step[];
  /** The scenario's own backup, then those that its mutation runs before anything is changed. */
  readonly backups: readonly RecordedBackup[];
}

interface RecordedFile {
  readonly metadata?: { readonly name?: string };
  readonly spec?: BackupSpec;
  readonly status?: { readonly phase?: string };
  readonly results?: { readonly warnings?: RecordedGroups; readonly errors?: RecordedGroups } | null;
  readonly tarEntries?: readonly string[];
}

/** Names of the scenario folders below `root`, sorted. */
export async function scenarioFolders(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "scenario.yaml")))
    .map((entry) => entry.name)
    .sort();
}

/** Reads one folder. */
export async function loadBackupScenario(folder: string): Promise<BackupScenario> {
  const head = parse(await text(folder, "scenario.yaml")) as {
    readonly name: string;
    readonly backupName: string;
    readonly steps: readonly (string | Readonly<Record<string, readonly Step[]>>)[];
  };
  const steps = (key: string): Step[] =>
    head.steps.flatMap((step) => (typeof step === "string" ? [] : (step[key] ?? [])));
  return {
    name: head.name,
    before: await text(folder, "before.yaml"),
    veleroNamespace: documents(await text(folder, "velero-namespace.yaml")),
    setup: steps("setup"),
    backups: [await mainBackup(folder, head.backupName), ...(await furtherBackups(folder, steps("mutation")))],
  };
}

async function mainBackup(folder: string, name: string): Promise<RecordedBackup> {
  const { backup } = JSON.parse(await text(folder, "results.json")) as { readonly backup?: RecordedFile };
  const spec = await text(folder, "backup-spec.yaml");
  const list = await text(folder, "backup-resource-list.json");
  return {
    ...recorded(name, backup ?? {}),
    // A scheduled backup has no spec of its own: the one Velero ran is recorded.
    ...(spec === "" ? {} : { spec: parse(spec) as BackupSpec }),
    execs: recordedExecs(await text(folder, "backup-requests.json")),
    resourceList: list === "" ? undefined : (JSON.parse(list) as Record<string, string[]>),
  };
}

async function furtherBackups(folder: string, mutation: readonly Step[]): Promise<RecordedBackup[]> {
  const backups: RecordedBackup[] = [];
  for (const step of mutation) {
    const run = step.runBackup as { readonly name: string; readonly as: string; readonly spec: BackupSpec } | undefined;
    if (run === undefined) return backups;
    const file = JSON.parse(await text(folder, `${run.as}.json`)) as RecordedFile;
    backups.push({ ...recorded(run.name, file), spec: run.spec });
  }
  return backups;
}

function recorded(name: string, file: RecordedFile): RecordedBackup {
  return {
    name,
    spec: file.spec ?? {},
    phase: file.status?.phase ?? "",
    warnings: file.results?.warnings ?? {},
    errors: file.results?.errors ?? {},
    tarEntries: file.tarEntries ?? [],
    execs: undefined,
    resourceList: undefined,
  };
}

function recordedExecs(requests: string): ReadonlyMap<string, readonly string[]> | undefined {
  if (requests === "") return undefined;
  const execs = new Map<string, string[]>();
  for (const { uri } of JSON.parse(requests) as { readonly uri: string }[]) {
    const [, pod] = /\/pods\/([^/]+)\/exec\?/.exec(uri) ?? [];
    if (pod === undefined) continue;
    const query = new URL(uri, "http://localhost").searchParams;
    const command = `${query.get("container")}: ${query.getAll("command").join(" ")}`;
    execs.set(pod, [...(execs.get(pod) ?? []), command]);
  }
  return execs;
}

async function text(folder: string, file: string): Promise<string> {
  const path = join(folder, file);
  return existsSync(path) ? await readFile(path, "utf8") : "";
}
