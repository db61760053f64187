import { Command } from "commander";
import { gitSourceDefaults } from "../api/defaults.ts";
import type { BackupStorageLocation, GitSource } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { isReadable } from "../api/parse.ts";
import { validateTree } from "../api/validate.ts";
import { CodedError, messageOf } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { parseIndex } from "../report/index-file.ts";
import { CLUSTER_PATH, INDEX_PATH } from "../report/record-paths.ts";
import { type Recoverable, recoverableBackups, recoveryYaml } from "../report/recovery-plan.ts";
import { clusterRecordText, parseClusterRecord } from "../report/restore-record.ts";
import { verifyBackup } from "../storage/verify-backup.ts";
import { bootstrapLocation, secretsOfEnvironment } from "./bootstrap-objects.ts";
import { applyObjects, PACKAGED_NAMESPACE, packagedObjects } from "./install-manifests.ts";
import { type CliIo, outputOf, requireCluster } from "./io.ts";
import { createOpenStore } from "./open-store.ts";
import { openRecordRepository, type RecordRepository } from "./record-source.ts";
import { systemUid } from "./system-uid.ts";

interface BootstrapOptions {
  readonly git: string;
  readonly branch: string;
  readonly path: string;
  readonly statusBranch?: string;
  readonly location?: string;
  readonly image?: string;
  readonly takeOver: boolean;
  readonly backups: boolean;
  readonly forceConflicts: boolean;
}

const EXAMPLES = `
Installs Holdfast (kinds, namespace, rights, Deployment) with the repository as its GitSource, finds the newest backup of
each policy by the index on the status branch, looks whether the bucket has it, and prints the RestorePlans to merge.
Repeat it as often as you like.

The Deployment only restores (run --restore-only) until this is run again with --backups: a backup of an empty cluster
would become the newest one.

Credentials come from the environment and become Secrets: HOLDFAST_GIT_TOKEN, or HOLDFAST_GIT_USERNAME and
HOLDFAST_GIT_PASSWORD; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for locations that name a Secret.

Examples:
  holdfast bootstrap --cluster prod --git https://git.example.com/ops/cluster.git --path clusters/prod --take-over > recover.yaml
  holdfast bootstrap --cluster prod --git https://git.example.com/ops/cluster.git --location 's3://backups/prod?region=eu-central-1'
  holdfast bootstrap --cluster prod --git https://git.example.com/ops/cluster.git --path clusters/prod --backups
`;

/** Builds `bootstrap`: a blank cluster, and what it takes to get the lost one back. */
export function bootstrapCommand(io: CliIo): Command {
  return new Command("bootstrap")
    .description("install on a blank cluster, and find what the lost one left behind")
    .requiredOption("--git <url>", "repository of policies and record")
    .option("--branch <name>", "branch of the policies", "main")
    .option("--path <folder>", "folder in the repository", ".")
    .option("--status-branch <name>", "branch of the record (default: holdfast/<cluster>)")
    .option(
      "--location <url|file>",
      "s3://bucket/prefix?region=…, file:///path, or a YAML file (default: those in Git)",
    )
    .option("--image <name>", "image of the Deployment (default: that of the manifests)")
    .option("--take-over", "claim the record of a cluster of this name that is lost for good", false)
    .option("--backups", "let schedules and retention run too", false)
    .option("--force-conflicts", "take over objects that somebody else applied", false)
    .addHelpText("after", EXAMPLES)
    .action(async (options: BootstrapOptions) => await bootstrap(io, options));
}

async function bootstrap(io: CliIo, options: BootstrapOptions): Promise<void> {
  const cluster = requireCluster(io);
  if (io.options().namespace !== PACKAGED_NAMESPACE) {
    const message = `the manifests are for namespace ${PACKAGED_NAMESPACE}: install another one by a kustomization of your own`;
    throw new CodedError("Usage", { argument: "--namespace" }, message);
  }
  const kube = await io.deps().kube();
  const uid = await systemUid(kube);
  const record = await openRecordRepository(io, options);
  if (record === undefined)
    throw new CodedError("Internal", { detail: "bootstrap" }, "a named repository was not opened");
  try {
    const backups = recoverableBackups(parseIndex(await record.readFile(INDEX_PATH)) ?? EMPTY_INDEX);
    const given = await givenLocations(io, options, backups);
    const locations = given ?? (await locationsInGit(io, options, record));
    await claimRecord(io, record, { cluster, uid, takeOver: options.takeOver });
    await install(io, kube, options, cluster);
    await applyLocations(io, kube, options, { given: given ?? [], locations });
    await tell(io, { options, backups, uid, looked: await lookFor(io, kube, backups, locations) });
  } finally {
    await record.close();
  }
}

const EMPTY_INDEX = { newest: {} } as NonNullable<ReturnType<typeof parseIndex>>;

/** Nothing is written anywhere before it is certain whose record it is. @throws {ClusterMismatch} */
async function claimRecord(
  io: CliIo,
  record: RecordRepository,
  { cluster, uid, takeOver }: { readonly cluster: string; readonly uid: string; readonly takeOver: boolean },
): Promise<void> {
  const bytes = await record.readFile(CLUSTER_PATH);
  const owner = bytes === undefined ? undefined : parseClusterRecord(bytes);
  if (owner === undefined || owner.uid === uid) return;
  if (!takeOver) {
    const message = `${record.where} belongs to the cluster with kube-system UID ${owner.uid}, this one has ${uid}: if that cluster is lost for good, --take-over claims its record; if it lives, give this one another name with --cluster`;
    throw new CodedError("ClusterMismatch", owner, message);
  }
  await record.remote.commitIfChanged({
    branch: record.statusBranch,
    author: { name: "Holdfast", email: "holdfast@localhost" },
    message: `Take over the record of ${cluster}\n\nHoldfast-Cluster: ${cluster}\nHoldfast-Take-Over: ${owner.uid}\n`,
    files: new Map([[CLUSTER_PATH, clusterRecordText({ cluster, uid })]]),
    signal: io.signal,
  });
  io.note(`took over ${record.where} from the cluster with kube-system UID ${owner.uid}`);
}

async function install(io: CliIo, kube: KubeClient, options: BootstrapOptions, cluster: string): Promise<void> {
  const args = options.backups ? [] : ["--restore-only"];
  const objects = await packagedObjects({ cluster, image: options.image, args });
  const writing = { force: options.forceConflicts, signal: io.signal };
  await applyObjects(kube, io.clock, objects, writing);
  const secrets = secretsOfEnvironment(io.config);
  await applyObjects(kube, io.clock, secrets.git === undefined ? [] : [secrets.git], writing);
  await applyObjects(kube, io.clock, [gitSource(options, secrets.git) as unknown as KubeObject], writing);
  io.note(`installed ${objects.length} objects in namespace ${PACKAGED_NAMESPACE}, and GitSource ${SOURCE_NAME}`);
}

const SOURCE_NAME = "gitops";

function gitSource(options: BootstrapOptions, secret: KubeObject | undefined): GitSource {
  return {
    apiVersion: API_VERSION,
    kind: "GitSource",
    metadata: { name: SOURCE_NAME, namespace: PACKAGED_NAMESPACE },
    spec: {
      url: options.git,
      ref: { branch: options.branch },
      path: options.path,
      ...(options.statusBranch === undefined ? {} : { statusBranch: options.statusBranch }),
      ...(secret === undefined ? {} : { secretRef: { name: secret.metadata.name } }),
    },
  };
}

/** Those of `--location`, by the name that the record has for it. @throws {Usage} */
async function givenLocations(
  io: CliIo,
  { location }: BootstrapOptions,
  backups: readonly Recoverable[],
): Promise<readonly BackupStorageLocation[] | undefined> {
  if (location === undefined) return undefined;
  return await bootstrapLocation(location, backups[0]?.location ?? `${PACKAGED_NAMESPACE}/default`, io.config);
}

/** Those in Git are the controller's to apply, and only get the Secrets they name. */
async function applyLocations(
  io: CliIo,
  kube: KubeClient,
  options: BootstrapOptions,
  { given, locations }: Record<"given" | "locations", readonly BackupStorageLocation[]>,
): Promise<void> {
  const writing = { force: options.forceConflicts, signal: io.signal };
  const secrets = secretsOfEnvironment(io.config);
  const wanted = locations.map(secrets.bucket).filter((secret) => secret !== undefined);
  await applyObjects(kube, io.clock, [...wanted, ...(given as unknown as KubeObject[])], writing);
}

async function locationsInGit(
  io: CliIo,
  options: BootstrapOptions,
  record: RecordRepository,
): Promise<readonly BackupStorageLocation[]> {
  const { branch } = gitSourceDefaults({ url: options.git, ref: { branch: options.branch } }, "");
  const revision = await record.remote.fetch(branch, io.signal);
  const files = await record.remote.readTree(revision, record.path, { wanted: isReadable, onRefused: () => {} });
  const { documents } = validateTree(files, { defaultNamespace: PACKAGED_NAMESPACE });
  return documents
    .map(({ object }) => object)
    .filter(({ kind }) => kind === "BackupStorageLocation") as unknown as BackupStorageLocation[];
}

/** Backup → what the bucket says of it. */
type Looked = ReadonlyMap<string, string>;

async function lookFor(
  io: CliIo,
  kube: KubeClient,
  backups: readonly Recoverable[],
  locations: readonly BackupStorageLocation[],
): Promise<Looked> {
  const open = createOpenStore(kube, io.clock.monotonic);
  const looked = new Map<string, string>();
  for (const { backup, location } of backups) {
    const found = locations.find(
      ({ metadata }) => `${metadata.namespace ?? PACKAGED_NAMESPACE}/${metadata.name}` === location,
    );
    if (found === undefined) {
      looked.set(backup, `there is no location ${location} to look into: declare it in Git, or give --location`);
      continue;
    }
    try {
      const { problems, items } = await verifyBackup(await open(found), backup, { readData: false, signal: io.signal });
      const said = problems.map(({ type, at }) => `${type} ${at}`).join(", ");
      looked.set(backup, said === "" ? `${items} objects, whole` : said);
    } catch (error) {
      looked.set(backup, messageOf(error));
    }
  }
  return looked;
}

async function tell(
  io: CliIo,
  at: {
    readonly options: BootstrapOptions;
    readonly backups: readonly Recoverable[];
    readonly uid: string;
    readonly looked: Looked;
  },
): Promise<void> {
  const { backups, looked, options, uid } = at;
  if (outputOf(io, ["text", "json"]) === "json") {
    io.print(JSON.stringify({ backups: backups.map((each) => ({ ...each, bucket: looked.get(each.backup) })) }));
    return;
  }
  if (backups.length === 0) {
    io.note("the record names no Completed backup: there is nothing to bring back");
    return;
  }
  for (const { backup, policy, completed } of backups)
    io.note(`${backup} of ${policy}, ${completed}: ${looked.get(backup)}`);
  io.print(recoveryYaml(backups, `recovery-${uid.slice(0, 8)}`));
  io.note(`put this into a file below ${options.path} on a branch, look at \`holdfast plan <file>\`, and merge it;`);
  io.note("when the cluster is as it should be, run this again with --backups");
}
