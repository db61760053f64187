/** Where the commands that look into backups find them: a storage location of the cluster, or a folder. */
import type { Command } from "commander";
import type { Backup } from "../api/kinds.generated.ts";
import { BACKUP } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import { type BackupReader, openBackup } from "../storage/backup-reader.ts";
import { FsStore } from "../storage/fs-store.ts";
import { type BackupKeys, backupKeys } from "../storage/layout.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { readGzipText } from "../storage/velero-files.ts";
import type { CliIo } from "./io.ts";

export interface SourceOptions {
  readonly location?: string;
  readonly dir?: string;
  /** Holdfast's namespace, where `-n` means the object's. */
  readonly ownNamespace?: string;
}

/** The options of a command that looks at objects, of which `-n` names the namespace as kubectl has it. */
export interface ObjectOptions extends SourceOptions {
  readonly inNamespace?: string;
}

/** Adds the option for both namespaces at once: then `-n` is Holdfast's again. */
export function withObjectNamespace(command: Command): Command {
  return command.option("-N, --in-namespace <name>", "the objects' namespace, as -n; with both, -n is Holdfast's");
}

/** Reads `-n` as the objects' namespace, unless `-N` names it. */
export function objectOptions<T extends ObjectOptions>(io: CliIo, command: Command, options: T): T {
  let root = command;
  while (root.parent !== null) root = root.parent;
  if (options.inNamespace !== undefined || root.getOptionValueSource("namespace") !== "cli") return options;
  return { ...options, inNamespace: io.options().namespace, ownNamespace: io.config.namespace ?? "holdfast" };
}

/** Adds the two options that choose the source. */
export function withSource(command: Command): Command {
  return command
    .option("--location <name>", "storage location (default: where the Backup object says, else the default one)")
    .option("--dir <path>", "a folder that holds backups/: no cluster is needed");
}

/** The store of the options; of a backup's own location where it has a Backup object and none is named. */
export async function openSource(io: CliIo, options: SourceOptions, backup?: string): Promise<ObjectStore> {
  return (await openSourceLocation(io, options, backup)).store;
}

/** The same, with the location's `namespace/name` where it is one of the cluster's. */
export async function openSourceLocation(
  io: CliIo,
  options: SourceOptions,
  backup?: string,
): Promise<{ readonly store: ObjectStore; readonly location?: string }> {
  if (options.dir !== undefined) return { store: new FsStore(options.dir) };
  const own = options.ownNamespace ?? io.options().namespace;
  const { store, namespace, name } = await io.deps().location(await locationName(io, options, own, backup), own);
  return { store, location: `${namespace}/${name}` };
}

async function locationName(
  io: CliIo,
  { location }: SourceOptions,
  namespace: string,
  backup: string | undefined,
): Promise<string | undefined> {
  if (location !== undefined || backup === undefined) return location;
  const kube = await io.deps().kube();
  const record = (await kube.get(BACKUP, { namespace, name: backup }, io.signal)) as Backup | undefined;
  return record?.status?.storageLocation ?? record?.spec.storageLocation;
}

/** Opens a backup, hands it to `use`, and closes it whatever happens. */
export async function withBackup<T>(
  io: CliIo,
  name: string,
  options: SourceOptions,
  use: (reader: BackupReader, store: ObjectStore) => Promise<T>,
): Promise<T> {
  const store = await openSource(io, options, name);
  const reader = await openBackup(store, name, { signal: io.signal });
  try {
    return await use(reader, store);
  } finally {
    await reader.close();
  }
}

/** One gzipped file of a backup, as text; undefined where there is none. */
export async function readBackupFile(
  store: ObjectStore,
  name: string,
  file: keyof BackupKeys,
): Promise<string | undefined> {
  return await readGzipText(store, backupKeys(name)[file]);
}

/** The resource of an archive that a person means: `cm`, `configmap`, `configmaps` or `deployments.apps`. @throws {ObjectNotArchived} */
export async function resourceIn(
  io: CliIo,
  reader: BackupReader,
  options: SourceOptions,
  wanted: string,
): Promise<string> {
  const found = await findResource(io, reader, options, wanted);
  if (found !== undefined) return found;
  const resources = await reader.resources();
  throw new CodedError(
    "ObjectNotArchived",
    { object: wanted, where: reader.name },
    `backup ${reader.name} holds no ${wanted}; it has ${resources.join(", ")}`,
  );
}

/** The same; undefined where the archive has none of it. */
export async function findResource(
  io: CliIo,
  reader: BackupReader,
  options: SourceOptions,
  wanted: string,
): Promise<string | undefined> {
  const resources = await reader.resources();
  const lower = wanted.toLowerCase();
  const direct = resources.find((name) => name === lower) ?? resources.find((name) => name.split(".")[0] === lower);
  if (direct !== undefined) return direct;
  const byKind = await resourceByKind(reader, resources, lower);
  if (byKind !== undefined) return byKind;
  const served = options.dir === undefined ? await servedName(io, wanted) : undefined;
  return served !== undefined && resources.includes(served) ? served : undefined;
}

async function resourceByKind(
  reader: BackupReader,
  resources: readonly string[],
  kind: string,
): Promise<string | undefined> {
  for (const resource of resources) {
    for await (const row of reader.rows(resource)) {
      if (row.kind.toLowerCase() === kind || SHORT_NAMES[kind] === resource) return resource;
      break;
    }
  }
  return undefined;
}

/** The short names that work without a cluster; a cluster knows the others. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  cm: "configmaps",
  crd: "customresourcedefinitions.apiextensions.k8s.io",
  deploy: "deployments.apps",
  ds: "daemonsets.apps",
  ing: "ingresses.networking.k8s.io",
  ns: "namespaces",
  po: "pods",
  pv: "persistentvolumes",
  pvc: "persistentvolumeclaims",
  rs: "replicasets.apps",
  sa: "serviceaccounts",
  sts: "statefulsets.apps",
  svc: "services",
};

async function servedName(io: CliIo, wanted: string): Promise<string | undefined> {
  const [{ resolveResource }, kube] = await Promise.all([import("../kube/resolve-resource.ts"), io.deps().kube()]);
  const found = resolveResource(await kube.discovery(), wanted);
  return found === undefined ? undefined : found.group === "" ? found.resource : `${found.resource}.${found.group}`;
}

/** `status` of a marker or a Backup, as far as it is printed. */
export function statusOf(backup: KubeObject): NonNullable<Backup["status"]> {
  return (backup.status ?? {}) as NonNullable<Backup["status"]>;
}
