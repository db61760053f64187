/** `holdfast plan --pr`: answers one pull request from a CI job, as the controller would. */
import { join } from "node:path";
import { gitSourceDefaults } from "../api/defaults.ts";
import type { GitSource } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import { CodedError } from "../errors.ts";
import { forgeOf, parsePullRequestUrl } from "../forge/address.ts";
import { type Forge, openForge, type PullRequest } from "../forge/forge.ts";
import { createLookingDeps } from "../reconcile/looking-deps.ts";
import { postAnswer } from "../reconcile/pull-request-answer.ts";
import { type MadeReport, makeReport } from "../reconcile/pull-request-report.ts";
import { readPullRequest } from "../reconcile/pull-request-tree.ts";
import { planVerdict, validateVerdict } from "../report/pull-request.ts";
import { pullRequestPage } from "../report/pull-request-page.ts";
import { assertInstalled } from "./deps.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf, requireCluster } from "./io.ts";
import { createOpenGit } from "./open-git.ts";
import { createOpenStore, createSecretReader } from "./open-store.ts";

export interface PullRequestOptions {
  readonly pr: string;
  readonly path: string;
  readonly post: boolean;
  readonly hideValues: boolean;
  readonly statusPrefix: string;
  readonly forgeUrl?: string;
}

/** Stands in the marker of the comment: a controller that answers too keeps a comment of its own. */
const SOURCE_NAME = "command-line";

/** Plans, prints, and unless told otherwise posts. Exit code: 2 for invalid files, 3 for a plan that can't go through. */
export async function planPullRequest(io: CliIo, options: PullRequestOptions): Promise<void> {
  const cluster = requireCluster(io);
  const { repository, number, type } = parsePullRequestUrl(options.pr);
  const hints = { type, apiUrl: options.forgeUrl };
  const forge = await openForge({ ...forgeOf(repository, hints), token: io.config.forgeToken, signal: io.signal });
  const pull = await openPull(forge, number, options.pr);
  const source = sourceOf(io, { repository, branch: pull.base.branch, path: options.path });
  const made = await look(io, { cluster, source, pull, hideValues: options.hideValues });
  print(io, made);
  if (options.post) {
    const name = `${io.options().namespace}/${SOURCE_NAME}`;
    const outcome = await postAnswer({ forge, cluster, source: name, statusPrefix: options.statusPrefix }, pull, made);
    io.note(`${options.pr}: comment ${outcome === "none" ? "not needed" : outcome}`);
  }
  const isValid = validateVerdict(made.report).state === "success";
  const goesThrough = planVerdict(made.report).state === "success";
  io.exitCode = !isValid ? ExitCode.Usage : goesThrough ? ExitCode.Done : ExitCode.Partial;
}

async function openPull(forge: Forge, number: number, url: string): Promise<PullRequest> {
  const pull = await forge.get(number);
  if (pull?.state === "open") return pull;
  const why = pull === undefined ? "is not there, or hidden from the token" : `is ${pull.state}`;
  throw new CodedError("Usage", { argument: "--pr" }, `${url} ${why}`);
}

function sourceOf(
  io: CliIo,
  at: { readonly repository: string; readonly branch: string; readonly path: string },
): GitSource {
  return {
    apiVersion: API_VERSION,
    kind: "GitSource",
    metadata: { name: SOURCE_NAME, namespace: io.options().namespace },
    spec: { url: `${at.repository}.git`, ref: { branch: at.branch }, path: at.path },
  };
}

async function look(
  io: CliIo,
  at: {
    readonly cluster: string;
    readonly source: GitSource;
    readonly pull: PullRequest;
    readonly hideValues: boolean;
  },
): Promise<MadeReport> {
  const { cluster, source, pull, hideValues } = at;
  const { namespace } = io.options();
  const kube = await io.deps().kube();
  const clusterUid = await assertInstalled(kube);
  const { monotonic } = io.clock;
  const openGit = createOpenGit({
    cacheDir: io.config.cacheDir,
    clock: io.clock,
    credentials: io.config.git,
    keyFiles: { verify: [], signing: undefined, passphrase: undefined },
    flagged: `${namespace}/${SOURCE_NAME}`,
    readSecret: createSecretReader(kube, monotonic),
  });
  const remote = await openGit(source);
  try {
    const spec = gitSourceDefaults(source.spec, cluster);
    const base = await remote.fetch(spec.branch, io.signal);
    const place = { remote, branch: spec.branch, folder: spec.folder, base, defaultNamespace: namespace };
    const tree = await readPullRequest(place, pull);
    const deps = await createLookingDeps({
      kube,
      clock: io.clock,
      log: io.log,
      installation: { cluster, clusterUid, namespace, term: 0 },
      open: { store: createOpenStore(kube, monotonic), git: openGit, forge: () => Promise.reject(new Error("unused")) },
      spoolDir: join(io.config.cacheDir, "plans"),
      git: { source, record: { remote, branch: spec.statusBranch } },
    });
    const asked = { source: `${namespace}/${SOURCE_NAME}`, folder: spec.folder, branch: spec.branch, base, pull, tree };
    return await makeReport(deps, asked, { hideValues, signal: io.signal });
  } finally {
    await remote.close();
  }
}

function print(io: CliIo, { report }: MadeReport): void {
  if (outputOf(io, ["text", "json", "markdown"]) !== "json") {
    io.print(pullRequestPage(report));
    return;
  }
  const restores = report.restores.map((restore) => {
    if (restore.type !== "planned") return restore;
    const { blocks: _blocks, ...rest } = restore;
    return rest;
  });
  const verdicts = { validate: validateVerdict(report), plan: planVerdict(report) };
  io.print(JSON.stringify({ ...verdicts, ...report, restores }, undefined, 2));
}
