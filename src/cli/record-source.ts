/** Where the commands that read the record find it: a checkout, a repository that is named, or that of a GitSource. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { gitSourceDefaults } from "../api/defaults.ts";
import type { GitSource } from "../api/kinds.generated.ts";
import { API_VERSION, GIT_SOURCE } from "../api/kinds.ts";
import { formatKey, keyOf } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { GitRemote, Revision } from "../git/remote.ts";
import { monthShards } from "../reconcile/record-tree.ts";
import { parseIndex } from "../report/index-file.ts";
import { INDEX_PATH } from "../report/record-paths.ts";
import { type CliIo, requireCluster } from "./io.ts";
import { createOpenGit } from "./open-git.ts";
import { createSecretReader } from "./open-store.ts";

export interface RecordOptions {
  /** A checkout of the status branch. */
  readonly records?: string;
  /** A repository; credentials come from the environment, as with `run --repo`. */
  readonly git?: string;
  readonly branch: string;
  readonly path: string;
  readonly statusBranch?: string;
}

/** The files of the record at one commit. */
export interface RecordFiles {
  /** For messages: a folder, or a branch and its address. */
  readonly where: string;
  readFile(path: string): Promise<Buffer | undefined>;
  /** Paths of all `index.json` below `backups/`. */
  shards(): Promise<readonly string[]>;
  /**
   * The archive branches of years from this one on, the oldest first, each fetched for it; none for a checkout.
   * @throws {GitBranchMissing} for one that the record names and nobody has
   */
  archives(fromYear: number): Promise<readonly ArchiveFiles[]>;
}

/** What moved from the record to one archive branch, under the same paths. */
export type ArchiveFiles = Omit<RecordFiles, "archives">;

/** The repository behind the record, for those who ask for its history. */
export interface RecordRepository extends RecordFiles {
  readonly remote: GitRemote;
  readonly statusBranch: string;
  /** Head of the status branch; undefined while there is none. */
  readonly revision: Revision | undefined;
  /** The branch and folder that declare the policies. */
  readonly branch: string;
  readonly path: string;
}

/** The source that stands for `--git`, as `run --repo` has it. */
const NAMED = "command-line";

/** Adds the options that choose the record. */
export function withRecord(command: Command): Command {
  return command
    .option("--git <url|path>", "repository of policies and record (default: that of the cluster's first GitSource)")
    .option("--branch <name>", "with --git: branch of the policies", "main")
    .option("--path <folder>", "with --git: folder of the policies", ".")
    .option("--status-branch <name>", "branch of the record (default: holdfast/<cluster>)");
}

/** Opens the repository that the options name, or that of the GitSource where the controller writes; undefined without one. */
export async function openRecordRepository(
  io: CliIo,
  options: RecordOptions,
): Promise<(RecordRepository & { close(): Promise<void> }) | undefined> {
  const source = options.git === undefined ? await firstSource(io) : namedSource(io, options, options.git);
  if (source === undefined) return undefined;
  const isNamed = options.git !== undefined;
  const { cluster } = io.options();
  if (cluster === undefined && options.statusBranch === undefined && source.spec.statusBranch === undefined)
    requireCluster(io);
  const spec = gitSourceDefaults(source.spec, cluster ?? "");
  const open = createOpenGit({
    cacheDir: io.config.cacheDir,
    clock: io.clock,
    credentials: io.config.git,
    flagged: isNamed ? formatKey(keyOf(source as never)) : undefined,
    readSecret: async (namespace, name) =>
      await createSecretReader(await io.deps().kube(), io.clock.monotonic)(namespace, name),
  });
  const remote = await open(source);
  const statusBranch = options.statusBranch ?? spec.statusBranch;
  const revision =
    (await remote.head(statusBranch, io.signal)) === undefined
      ? undefined
      : await remote.fetch(statusBranch, io.signal);
  const files = filesAt(remote, statusBranch, revision);
  return {
    ...files,
    archives: async (fromYear) => {
      const { archived = {} } = parseIndex(await files.readFile(INDEX_PATH)) ?? {};
      const years = Object.entries(archived).filter(([year]) => Number(year) >= fromYear);
      const sorted = years.sort(([a], [b]) => Number(a) - Number(b)).map(([, { branch }]) => branch);
      const branches: ArchiveFiles[] = [];
      for (const at of sorted) branches.push(filesAt(remote, at, await remote.fetch(at, io.signal)));
      return branches;
    },
    remote,
    statusBranch,
    revision,
    branch: spec.branch,
    path: spec.path.replace(/^(\.\/|\.$)/, "").replace(/\/+$/, ""),
    close: () => remote.close(),
  };
}

/** A branch at one commit; without one, as if it were empty. */
function filesAt(remote: GitRemote, branch: string, revision: Revision | undefined): ArchiveFiles {
  return {
    where: `${branch} of ${remote.url}`,
    readFile: async (path) => (revision === undefined ? undefined : await remote.readFile(revision, path)),
    shards: async () =>
      revision === undefined ? [] : await monthShards((folder) => remote.listFolder(revision, folder)),
  };
}

/** A checkout of the status branch. @throws {Usage} when it is none */
export function openRecordFolder(root: string): RecordFiles {
  return {
    where: root,
    readFile: async (path) => await readFile(join(root, path)).catch(() => undefined),
    shards: async () => {
      const entries = await readdir(join(root, "backups"), { recursive: true }).catch((cause: unknown) => {
        const message = `${root} has no folder backups/: give a checkout of the status branch`;
        throw new CodedError("Usage", { argument: "--records" }, message, { cause });
      });
      return entries.filter((path) => path.endsWith("index.json")).map((path) => `backups/${path}`);
    },
    archives: async () => [],
  };
}

function namedSource(io: CliIo, { branch, path }: RecordOptions, url: string): GitSource {
  return {
    apiVersion: API_VERSION,
    kind: "GitSource",
    metadata: { name: NAMED, namespace: io.options().namespace },
    spec: { url, ref: { branch }, path },
  };
}

async function firstSource(io: CliIo): Promise<GitSource | undefined> {
  const kube = await io.deps().kube();
  const sources = (await kube.list(GIT_SOURCE, { signal: io.signal })) as unknown as GitSource[];
  const name = (source: GitSource): string => `${source.metadata.namespace}/${source.metadata.name}`;
  return sources.sort((a, b) => (name(a) < name(b) ? -1 : 1))[0];
}
