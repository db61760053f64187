/** The backup side of a recorded scenario: which backups Velero made of which state, and what was in them. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "yaml";
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { parseResourcePolicy, type ResourcePolicy } from "../../src/api/resource-policy.ts";
import { documents, type ScenarioHead, type Step, stepsNamed } from "./restore-scenario.ts";

/** One backup that Velero made. */
export interface RecordedBackup {
  /** The backup's name, as the recording has it. */
  readonly name: string;
  readonly spec: BackupSpec;
  /** Namespaces that Velero itself excluded, for their label. */
  readonly labelledOut: readonly string[];
  readonly phase: string;
  readonly warnings: RecordedGroups;
  readonly errors: RecordedGroups;
  readonly tarEntries: readonly string[];
  /** Exec requests by pod, each a command; undefined where none were recorded. */
  readonly execs: ReadonlyMap<string, readonly string[]> | undefined;
  readonly resourceList: Readonly<Record<string, readonly string[]>> | undefined;
  /** The resource policy that the spec names; undefined where it names none, or one that is refused. */
  readonly policy: ResourcePolicy | undefined;
  /** What was applied before it: the manifests of the scenario. */
  readonly applied: readonly KubeObject[];
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
  const head = parse(await text(folder, "scenario.yaml")) as ScenarioHead;
  const steps = head.steps ?? [];
  const veleroNamespace = documents(await text(folder, "velero-namespace.yaml"));
  const before = await text(folder, "before.yaml");
  const applied = documents(before);
  const backups = [
    ...(await mainBackup(folder, head.backupName ?? "")),
    ...(await furtherBackups(folder, stepsNamed(steps, "mutation"))),
  ];
  return {
    name: head.name ?? basename(folder),
    before,
    veleroNamespace,
    setup: stepsNamed(steps, "setup"),
    backups: backups.map((backup) => ({ ...backup, applied, policy: policyOf(backup.spec, veleroNamespace) })),
  };
}

/** None where the result of the backup was not recorded. */
async function mainBackup(folder: string, name: string): Promise<RecordedBackup[]> {
  const { backup } = JSON.parse((await text(folder, "results.json")) || "{}") as { readonly backup?: RecordedFile };
  if (backup === undefined) return [];
  const spec = await text(folder, "backup-spec.yaml");
  const list = await text(folder, "backup-resource-list.json");
  const main = {
    ...recorded(name, backup),
    // A scheduled backup has no spec of its own: the one Velero ran is recorded.
    ...(spec === "" ? {} : ownSpec(parse(spec) as BackupSpec, backup)),
    execs: recordedExecs(await text(folder, "backup-requests.json")),
    resourceList: list === "" ? undefined : (JSON.parse(list) as Record<string, string[]>),
  };
  return [main];
}

async function furtherBackups(folder: string, mutation: readonly Step[]): Promise<RecordedBackup[]> {
  const backups: RecordedBackup[] = [];
  for (const step of mutation) {
    const run = step.runBackup as { readonly name: string; readonly as: string; readonly spec: BackupSpec } | undefined;
    if (run === undefined) return backups;
    const json = await text(folder, `${run.as}.json`);
    if (json === "") continue;
    const file = JSON.parse(json) as RecordedFile;
    backups.push({ ...recorded(run.name, file), ...ownSpec(run.spec, file) });
  }
  return backups;
}

function recorded(name: string, file: RecordedFile): RecordedBackup {
  return {
    name,
    spec: file.spec ?? {},
    labelledOut: [],
    phase: file.status?.phase ?? "",
    warnings: file.results?.warnings ?? {},
    errors: file.results?.errors ?? {},
    tarEntries: file.tarEntries ?? [],
    execs: undefined,
    resourceList: undefined,
    policy: undefined,
    applied: [],
  };
}

/** What the user wrote, and what Velero made of it. */
function ownSpec(spec: BackupSpec, { spec: completed }: RecordedFile): Pick<RecordedBackup, "spec" | "labelledOut"> {
  const own = spec.excludedNamespaces ?? [];
  return { spec, labelledOut: (completed?.excludedNamespaces ?? []).filter((name) => !own.includes(name)) };
}

function policyOf({ resourcePolicy }: BackupSpec, configMaps: readonly KubeObject[]): ResourcePolicy | undefined {
  const found = configMaps.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === resourcePolicy?.name);
  const parsed = parseResourcePolicy((found?.data ?? {}) as Record<string, string>);
  return parsed.type === "parsed" ? parsed.policy : undefined;
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
