import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../api/duration.ts";
import type { ForgeSpec, GitSource } from "../api/kinds.generated.ts";
import { API_VERSION } from "../api/kinds.ts";
import type { ObjectKey } from "../api/object.ts";
import { HOLDFAST_VERSION } from "../api/version.ts";
import { assertGlobalPolicy } from "../backup/prepare.ts";
import { CodedError } from "../errors.ts";
import { armFailpoint } from "../failpoints.ts";
import type { KubeClient } from "../kube/client.ts";
import { createLogger, type Logger } from "../log.ts";
import type { Leadership } from "../reconcile/lease.ts";
import { leasedKube, leasedRemote, leasedStore } from "../reconcile/leased.ts";
import { createLoop, type Loop } from "../reconcile/loop.ts";
import { createNotifier, type Notifier } from "../reconcile/notify.ts";
import type { MetricsText } from "../report/metrics.ts";
import type { Sample } from "../report/metrics-table.ts";
import type { WebhookReceiver } from "../server/webhook.ts";
import { assertInstalled } from "./deps.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, requireCluster } from "./io.ts";
import { whileLeading } from "./lead.ts";
import { createLineLogger } from "./log-lines.ts";
import { createOpenForge } from "./open-forge.ts";
import { createOpenGit, isRepository } from "./open-git.ts";
import { createOpenStore, createSecretReader } from "./open-store.ts";
import { prioritiesOption } from "./restore-flags.ts";

interface RunOptions {
  readonly repo?: string;
  readonly branch: string;
  readonly path: string;
  readonly interval: string;
  readonly statusBranch?: string;
  readonly observe: boolean;
  readonly prune: boolean;
  readonly allowDeletions?: string;
  readonly acceptRewrite?: string;
  readonly verifyKeys: readonly string[];
  readonly signingKey?: string;
  readonly once: boolean;
  readonly timeout: string;
  readonly healthAddress?: { readonly host: string; readonly port: number };
  readonly requireGit: boolean;
  readonly restoreOnly: boolean;
  readonly restoreResourcePriorities?: readonly string[];
  readonly globalBackupVolumePoliciesConfigmap?: string;
  readonly garbageCollectionFrequency: string;
  readonly concurrency: number;
  readonly grace: string;
  readonly leaseDuration: string;
  readonly forge?: ForgeSpec["type"];
  readonly forgeUrl?: string;
  readonly answerForks: boolean;
  readonly answerDrafts: boolean;
  readonly hideValues: boolean;
  readonly notify: readonly string[];
}

const EXAMPLES = `
Examples:
  holdfast run --cluster prod --repo https://git.example.com/ops/cluster.git --path clusters/prod
  holdfast run --cluster dev --repo ./my-repo.git --once     converge, write the record, exit
  holdfast run --cluster prod --health-address 0.0.0.0:8080  sources come from GitSource objects

Credentials of --repo: HOLDFAST_GIT_TOKEN, or HOLDFAST_GIT_USERNAME and HOLDFAST_GIT_PASSWORD. The forge gets the same,
unless HOLDFAST_FORGE_TOKEN is set.
Keys: authorized keys of SSH or armored OpenPGP keys; HOLDFAST_SIGNING_PASSPHRASE opens the key that signs.
With --once the exit code is 3 when something stays failing or unfinished.
`;

/** The source that `--repo` stands for; the name also says so in annotations and in the record. */
const FLAGGED_NAME = "command-line";

/** Builds `run`: the reconciler, until SIGTERM or SIGINT, or once. */
export function runCommand(io: CliIo): Command {
  return new Command("run")
    .description("reconcile: Git into the cluster, backups and restores, and the record back into Git")
    .option("--repo <url|path>", "repository that declares this cluster; without it, GitSource objects do")
    .option("--branch <name>", "branch that is watched", "main")
    .option("--path <folder>", "folder in the repository", ".")
    .addOption(
      new Option("--interval <duration>", "how often the branch is looked at").argParser(parseInterval).default("1m"),
    )
    .option("--status-branch <name>", "branch that the record is written to (default: holdfast/<cluster>)")
    .option("--observe", "somebody else applies the YAML: validate, run and report", false)
    .option("--prune", "delete objects whose YAML is gone (never backup data)", false)
    .option("--allow-deletions <digest>", "let exactly the held deletions of this digest through")
    .option("--accept-rewrite <sha>", "go on from this commit although the history was rewritten")
    .option("--verify-keys <file>", "believe only a head that one of these public keys signed (repeatable)", append, [])
    .option("--signing-key <file>", "sign the commits of the record (default: HOLDFAST_SIGNING_KEY)")
    .addOption(
      new Option("--forge <type>", "answer pull requests of --repo with a plan").choices(["github", "gitlab", "gitea"]),
    )
    .option("--forge-url <url>", "root of the forge, or of its API on GitHub (default: told from --repo)")
    .option("--answer-forks", "answer pull requests from forks too", false)
    .option("--answer-drafts", "answer drafts too", false)
    .option("--hide-values", "show digests in place of values in the answers", false)
    .option("--once", "converge and exit", false)
    .addOption(
      new Option("--timeout <duration>", "with --once: when to give up").argParser(parseInterval).default("30m"),
    )
    .addOption(
      new Option("--health-address <host:port>", "serve /healthz, /readyz and /metrics").argParser(parseAddress),
    )
    .option("--require-git", "run only RestorePlans that a source declares", false)
    .option("--restore-only", "no backups, schedules, retention or clean-up", false)
    .addOption(
      new Option("--garbage-collection-frequency <duration>", "how often retention looks at what has expired")
        .argParser(parseInterval)
        .default("1h"),
    )
    .addOption(prioritiesOption())
    .option(
      "--global-backup-volume-policies-configmap <name>",
      "ConfigMap with volume policies for every backup, behind those it has of its own",
    )
    .addOption(new Option("--concurrency <n>", "backups and restores at once").argParser(parseCount).default(4))
    .addOption(
      new Option("--grace <duration>", "how long backups and restores may go on after SIGTERM")
        .argParser(parseInterval)
        .default("60s"),
    )
    .addOption(
      new Option("--lease-duration <duration>", "how long others wait for a leader that says nothing")
        .argParser(parseLeaseDuration)
        .default("30s"),
    )
    .option("--notify <secret>", "tell the webhook that this Secret describes; may be repeated", append, [])
    .addHelpText("after", EXAMPLES)
    .action(async (options: RunOptions) => await run(io, options));
}

async function run(io: CliIo, options: RunOptions): Promise<void> {
  const cluster = requireCluster(io);
  if (options.repo !== undefined && !isRepository(options.repo)) {
    throw new CodedError(
      "Usage",
      { argument: "--repo" },
      `--repo ${options.repo} is neither an http(s) address nor a folder`,
    );
  }
  if (options.forge !== undefined && !/^https?:\/\//.test(options.repo ?? "")) {
    const message = "--forge answers pull requests of --repo, which must be an http(s) address then";
    throw new CodedError("Usage", { argument: "--forge" }, message);
  }
  const log = loggerFor(io);
  const kube = await io.deps().kube();
  const clusterUid = await assertInstalled(kube);
  const globalVolumePolicies = globalPoliciesOf(io, options);
  if (globalVolumePolicies !== undefined && !options.restoreOnly)
    await assertGlobalPolicy(kube, globalVolumePolicies, io.signal);
  const notifier = notifierFor(io, options, { kube, log, cluster });
  const health: Health = { loop: undefined, isWaiting: false, samples: notifier.samples };
  const server =
    options.healthAddress === undefined
      ? undefined
      : await serve(options.healthAddress, health, webhooksOf(io, kube, health));
  log.info(
    { cluster, namespace: io.options().namespace, ...(server === undefined ? {} : { health: server.url }) },
    "holdfast runs",
  );
  const timeoutMs = parseDuration(options.timeout) ?? 0;
  const lead = {
    kube,
    log,
    durationMs: parseDuration(options.leaseDuration) ?? 0,
    onceWithinMs: options.once ? timeoutMs : undefined,
    onStanding: (leader: string | undefined) => {
      health.isWaiting = leader !== undefined;
      health.loop = undefined;
    },
  };
  try {
    await whileLeading(io, lead, async (leadership) => {
      const loop = await buildLoop(io, options, { kube, log, cluster, clusterUid, leadership, notify: notifier.tell });
      health.loop = loop;
      if (!options.once) return await loop.run(io.signal);
      const settled = await loop.converge(io.signal, timeoutMs);
      io.exitCode = settled ? ExitCode.Done : ExitCode.Partial;
    });
  } catch (error) {
    if (!io.signal.aborted) throw error;
  } finally {
    await notifier.close();
    await server?.close();
    log.info({}, "holdfast ends");
  }
}

async function buildLoop(
  io: CliIo,
  options: RunOptions,
  parts: {
    readonly kube: KubeClient;
    readonly log: Logger;
    readonly cluster: string;
    readonly clusterUid: string;
    readonly leadership: Leadership;
    readonly notify: Notifier["tell"];
  },
): Promise<Loop> {
  const { kube, log, cluster, clusterUid, leadership, notify } = parts;
  const { namespace } = io.options();
  const { cacheDir, git, signing, faultAt, forgeToken } = io.config;
  const flagged = options.repo === undefined ? undefined : flaggedSource(options, options.repo, namespace);
  const globalVolumePolicies = globalPoliciesOf(io, options);
  const { monotonic } = io.clock;
  const openStore = createOpenStore(kube, monotonic);
  const flaggedName = flagged && `${namespace}/${FLAGGED_NAME}`;
  const readSecret = createSecretReader(kube, monotonic);
  const openGit = createOpenGit({
    cacheDir,
    clock: io.clock,
    credentials: git,
    keyFiles: {
      verify: options.verifyKeys,
      signing: options.signingKey ?? signing.keyFile,
      passphrase: signing.passphrase,
    },
    flagged: flaggedName,
    readSecret,
  });
  const signal = AbortSignal.any([io.signal, leadership.lost]);
  const openForge = createOpenForge({ token: forgeToken, flagged: flaggedName, readSecret, signal });
  return createLoop({
    kube: leasedKube(kube, leadership),
    clock: io.clock,
    log,
    installation: { cluster, clusterUid, namespace, term: leadership.term },
    open: {
      store: async (location) => leasedStore(await openStore(location), leadership),
      git: async (source) => leasedRemote(await openGit(source), leadership),
      forge: openForge,
    },
    leadership,
    notify,
    flagged,
    hit: armFailpoint(faultAt, () => process.kill(process.pid, "SIGKILL")),
    spoolDir: join(cacheDir, "runs", cluster),
    requireGit: options.requireGit,
    restoreOnly: options.restoreOnly,
    ...(options.restoreResourcePriorities === undefined
      ? {}
      : { resourcePriorities: options.restoreResourcePriorities }),
    ...(globalVolumePolicies === undefined ? {} : { globalVolumePolicies }),
    garbageCollectionMs: parseDuration(options.garbageCollectionFrequency) ?? 0,
    slots: options.concurrency,
    graceMs: parseDuration(options.grace) ?? 0,
  });
}

/** It is in Holdfast's own namespace, wherever a backup is. */
function globalPoliciesOf(io: CliIo, options: RunOptions): ObjectKey | undefined {
  const name = options.globalBackupVolumePoliciesConfigmap;
  return name === undefined ? undefined : { namespace: io.options().namespace, name };
}

/** The receivers of `--notify`; their Secrets are read at every use, so that a change needs no restart. */
function notifierFor(
  io: CliIo,
  { notify }: RunOptions,
  parts: { readonly kube: KubeClient; readonly log: Logger; readonly cluster: string },
): Notifier {
  const readSecret = createSecretReader(parts.kube, io.clock.monotonic);
  const { namespace } = io.options();
  const { log, cluster } = parts;
  return createNotifier({
    secrets: notify,
    readSecret: async (name) => await readSecret(namespace, name),
    cluster,
    clock: io.clock,
    log,
  });
}

function flaggedSource(options: RunOptions, repo: string, namespace: string): GitSource {
  const commands = {
    ...(options.allowDeletions === undefined ? {} : { "holdfast.dev/allow-deletions": options.allowDeletions }),
    ...(options.acceptRewrite === undefined ? {} : { "holdfast.dev/accept-rewrite": options.acceptRewrite }),
  };
  return {
    apiVersion: API_VERSION,
    kind: "GitSource",
    metadata: { name: FLAGGED_NAME, namespace, annotations: commands },
    spec: {
      url: repo,
      ref: { branch: options.branch },
      path: options.path,
      interval: options.interval,
      mode: options.observe ? "Observe" : "Apply",
      prune: options.prune,
      ...(options.statusBranch === undefined ? {} : { statusBranch: options.statusBranch }),
      ...(options.forge === undefined ? {} : { forge: flaggedForge(options, options.forge) }),
    },
  };
}

function flaggedForge(options: RunOptions, type: ForgeSpec["type"]): ForgeSpec {
  const { forgeUrl, answerForks, answerDrafts, hideValues } = options;
  return { type, answerForks, answerDrafts, hideValues, ...(forgeUrl === undefined ? {} : { apiUrl: forgeUrl }) };
}

/** What health checks see: the loop of this leadership, if there is one. A process that waits for its turn is well. */
interface Health {
  loop: Loop | undefined;
  isWaiting: boolean;
  /** What the process itself counts. */
  readonly samples: () => readonly Sample[];
}

async function serve(
  address: { host: string; port: number },
  health: Health,
  webhooks: WebhookReceiver,
): Promise<{ url: string; close(): Promise<void> }> {
  // imported here: most commands serve nothing
  const { startServer } = await import("../server/server.ts");
  const { renderMetrics } = await import("../report/metrics.ts");
  const isReady = (): boolean => health.isWaiting || health.loop?.isReady() === true;
  const metrics = async (): Promise<MetricsText> =>
    await renderMetrics([
      ...(health.loop?.samples() ?? []),
      ...health.samples(),
      { name: "holdfast_leader", labels: {}, value: health.loop === undefined ? 0 : 1 },
      { name: "holdfast_ready", labels: {}, value: isReady() ? 1 : 0 },
      { name: "holdfast_build_info", labels: { version: HOLDFAST_VERSION }, value: 1 },
    ]);
  return await startServer(address, { isReady, metrics }, webhooks);
}

/** Webhooks of the sources that name a secret; of --repo with HOLDFAST_WEBHOOK_SECRET. A process that waits takes none. */
function webhooksOf(io: CliIo, kube: KubeClient, health: Health): WebhookReceiver {
  const readSecret = createSecretReader(kube, io.clock.monotonic);
  return {
    monotonic: io.clock.monotonic,
    hasten: (namespace, name) => health.loop?.hasten({ namespace, name }),
    ruleOf: async (namespace, name) => {
      const source = health.loop?.source({ namespace, name });
      const { webhook, forge } = source?.spec ?? {};
      const type = webhook?.type ?? forge?.type ?? "generic";
      if (name === FLAGGED_NAME && namespace === io.options().namespace) {
        const secret = io.config.webhookSecret;
        return secret === undefined ? undefined : { type, secret };
      }
      if (webhook === undefined) return undefined;
      const { secret } = await readSecret(namespace, webhook.secretRef.name);
      return secret === undefined ? undefined : { type, secret };
    },
  };
}

/** Lines for a person on a terminal, JSON for everything that collects logs. */
function loggerFor(io: CliIo): Logger {
  return io.stderr.isTTY ? createLineLogger(io.stderr, io.clock, io.config.logLevel) : createLogger(io.config.logLevel);
}

function append(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

function parseInterval(value: string): string {
  const ms = parseDuration(value);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("A duration such as 30s, 5m or 1h.");
  return value;
}

function parseLeaseDuration(value: string): string {
  const ms = parseDuration(value);
  if (ms === undefined || ms < 1000 || ms % 1000 !== 0)
    throw new InvalidArgumentError("A duration in whole seconds, such as 30s.");
  return value;
}

function parseAddress(value: string): { host: string; port: number } {
  const [, host, port] = /^(.*):(\d{1,5})$/.exec(value) ?? [];
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError("An address such as 127.0.0.1:8080.");
  return { host: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

function parseCount(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1 || count > 64) throw new InvalidArgumentError("A number from 1 to 64.");
  return count;
}
