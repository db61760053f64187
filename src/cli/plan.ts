import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import type { Backup, RestorePlan, RestorePlanSpec } from "../api/kinds.generated.ts";
import { CodedError } from "../errors.ts";
import { listOwners } from "../gitops/list-owners.ts";
import type { KubeClient } from "../kube/client.ts";
import { silentLogger } from "../log.ts";
import { planStream } from "../reconcile/restore-engine.ts";
import type { OpenedSource } from "../reconcile/restore-source.ts";
import { type PlanEntry, type PlanHeader, type PlanSummary, planHeader } from "../report/plan.ts";
import { createPlanJsonRenderer } from "../report/plan-json.ts";
import { createPlanMarkdownRenderer } from "../report/plan-markdown.ts";
import { createPlanTextRenderer } from "../report/plan-text.ts";
import { loadRestoreInputs } from "../restore/inputs.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";
import { readPlanFile, STDIN, type WrittenPlan } from "./plan-file.ts";
import { type PullRequestOptions, planPullRequest } from "./plan-pull-request.ts";
import { prioritiesOption } from "./restore-flags.ts";
import { openPlanBackup, type PlanBackup } from "./restore-source.ts";
import { openPlanUndo } from "./undo-source.ts";
import { pinYaml, type YamlPin } from "./yaml-pin.ts";

interface PlanOptions extends Omit<PullRequestOptions, "pr"> {
  readonly pr?: string;
  readonly location?: string;
  readonly serverDryRun: boolean;
  readonly showUnchanged: boolean;
  readonly restoreResourcePriorities?: readonly string[];
  readonly write: boolean;
}

const EXAMPLES = `
Reads the cluster and the backup, and changes nothing there. Symbols: + create, ~ patch, -/+ recreate,
- delete, = unchanged, . skipped (with what update would change), ! will fail.

--write pins what was looked at into the file: source.policy.asOf, where it is absent, and
approval.planDigest, where approval.mode is PlanDigest. Nothing else in the file changes.

--pr reads HOLDFAST_FORGE_TOKEN for the forge, and HOLDFAST_GIT_TOKEN (or _USERNAME and _PASSWORD) for Git.

Examples:
  holdfast plan restores/shop.yaml
  holdfast plan --cluster prod --pr https://git.example.com/ops/cluster/pulls/7 --path clusters/prod
  holdfast plan restores/shop.yaml --output markdown > plan.md
  holdfast plan restores/shop.yaml --server-dry-run --location archive
  holdfast plan restores/shop.yaml --write
  holdfast restore undo shop --dry-run | holdfast plan -
`;

/** Builds `plan`: what each RestorePlan of a file would do, printed as it is made. */
export function planCommand(io: CliIo): Command {
  return new Command("plan")
    .description("show what a restore would do, object by object and field by field")
    .argument("[file]", "YAML file with one or more RestorePlans; - reads standard input")
    .option("--pr <url>", "answer this pull request instead: print, comment, and set commit statuses")
    .option("--path <folder>", "with --pr: folder in the repository that is looked at", ".")
    .option("--no-post", "with --pr: print only")
    .option("--hide-values", "with --pr: digests in place of values", false)
    .option("--status-prefix <word>", "with --pr: first part of the statuses' names", "holdfast")
    .option("--forge-url <url>", "with --pr: root of the forge, or of its API on GitHub")
    .option("--location <name>", "storage location of the backup (default: where its Backup object says)")
    .addOption(new Option("--server-dry-run", "ask the API server to try each write and keep nothing").default(false))
    .addOption(new Option("--show-unchanged", "list unchanged objects too").default(false))
    .addOption(prioritiesOption())
    .addOption(
      // what the API server says to a trial write is no part of the digest that the controller compares
      new Option("--write", "pin asOf and the plan's digest in the file").default(false).conflicts("serverDryRun"),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, options: PlanOptions) => {
      const { pr } = options;
      if (pr !== undefined && file === undefined) return await planPullRequest(io, { ...options, pr });
      if (file === undefined || pr !== undefined)
        throw new CodedError(
          "Usage",
          { argument: "file" },
          "name a file with a RestorePlan, or a pull request with --pr",
        );
      if (options.write && file === STDIN)
        throw new CodedError("Usage", { argument: "--write" }, "--write needs a file to write into");
      const { text, plans } = await readPlanFile(io, file);
      const pins: YamlPin[] = [];
      for (const plan of plans) pins.push(...(await printPlan(io, plan, options)));
      if (options.write) await writePins(io, { file, text, pins });
    });
}

/** Prints one plan, and resolves to what `--write` writes for it. */
async function printPlan(io: CliIo, { plan, line }: WrittenPlan, options: PlanOptions): Promise<YamlPin[]> {
  const kube = await io.deps().kube();
  const namespace = plan.metadata.namespace ?? io.options().namespace;
  const placed = { ...plan, metadata: { ...plan.metadata, namespace } };
  const source = await openPlanSource(io, kube, placed, options.location);
  try {
    // the digest is of the spec as it will stand in the file
    const asOf = options.write ? missingAsOf(plan.spec, source) : undefined;
    const spec = asOf === undefined ? plan.spec : withAsOf(plan.spec, asOf);
    const inputs = await loadRestoreInputs(kube, spec, namespace, io.options().namespace);
    const owners = await listOwners(kube, io.signal);
    const found = { backup: source.backup.name, location: source.location };
    const printer = printerFor(io, planHeader({ metadata: placed.metadata, spec }, found), options);
    const stream = planStream(
      { kube, clock: io.clock, log: silentLogger, store: source.store },
      {
        undo: source.undo,
        request: {
          run: plan.metadata.name,
          spec,
          backup: source.backup,
          ...inputs,
          ...(options.restoreResourcePriorities === undefined
            ? {}
            : { resourcePriorities: options.restoreResourcePriorities }),
          owners,
          serverDryRun: options.serverDryRun,
          signal: io.signal,
        },
      },
    );
    for (let next = await stream.next(); ; next = await stream.next()) {
      if (next.done === true) {
        printer.end(next.value);
        const isRefused = (next.value.owners ?? []).some(({ action }) => action === "refuse");
        if (next.value.totals.fail > 0 || isRefused) io.exitCode = ExitCode.Partial;
        return pinsOf(spec, { line, asOf, digest: next.value.digest });
      }
      printer.entry(next.value.entry);
    }
  } finally {
    await source.backup.close();
  }
}

type PlanSource = PlanBackup & Pick<OpenedSource, "undo">;

async function openPlanSource(
  io: CliIo,
  kube: KubeClient,
  plan: RestorePlan,
  location: string | undefined,
): Promise<PlanSource> {
  const { spec, metadata } = plan;
  if (spec.source.undoOf === undefined)
    return await openPlanBackup(io, kube, { spec, namespace: metadata.namespace ?? "", location });
  if (location !== undefined)
    throw new CodedError(
      "Usage",
      { argument: "--location" },
      "an undo finds its copies by its run: leave --location out",
    );
  const { reader, store, location: found, undo } = await openPlanUndo(io, kube, plan);
  return { backup: reader, store, location: found.metadata.name, undo };
}

/** The time to pin for a plan that takes the newest backup of a policy: when the backup that was looked at began. */
function missingAsOf({ source }: RestorePlanSpec, { backup }: PlanBackup): string | undefined {
  if (source.policy === undefined || source.policy.asOf !== undefined) return undefined;
  return (backup.backup.status as Backup["status"])?.startTimestamp;
}

function withAsOf(spec: RestorePlanSpec, asOf: string): RestorePlanSpec {
  const { policy } = spec.source;
  return policy === undefined ? spec : { ...spec, source: { ...spec.source, policy: { ...policy, asOf } } };
}

function pinsOf(
  { approval }: RestorePlanSpec,
  { line, asOf, digest }: { readonly line: number; readonly asOf: string | undefined; readonly digest: string },
): YamlPin[] {
  return [
    ...(asOf === undefined ? [] : [{ line, path: ["spec", "source", "policy", "asOf"], value: asOf } as const]),
    ...(approval?.mode === "PlanDigest"
      ? [{ line, path: ["spec", "approval", "planDigest"], value: digest } as const]
      : []),
  ];
}

/** From the last line up, so that an added line moves no document that is still to be written. */
async function writePins(
  io: CliIo,
  { file, text, pins }: { readonly file: string; readonly text: string; readonly pins: readonly YamlPin[] },
): Promise<void> {
  const pinned = [...pins].sort((a, b) => b.line - a.line).reduce(pinYaml, text);
  if (pinned !== text) await writeFile(file, pinned);
  const fields = pins.map(({ path, value }) => `${path.join(".")} ${value}`);
  const what = fields.length === 0 ? "nothing to pin" : `pinned ${fields.join(", ")}`;
  io.stderr.write(`${file}: ${what}\n`);
}

interface Printer {
  entry(entry: PlanEntry): void;
  end(summary: PlanSummary): void;
}

function printerFor(io: CliIo, header: PlanHeader, options: PlanOptions): Printer {
  const output = outputOf(io, ["text", "json", "markdown"]);
  const write = (text: string): void => {
    if (text !== "") io.stdout.write(text);
  };
  if (output === "markdown") {
    const markdown = createPlanMarkdownRenderer();
    return { entry: (entry) => markdown.entry(entry), end: (summary) => write(markdown.end(header, summary)) };
  }
  const renderer =
    output === "json"
      ? createPlanJsonRenderer()
      : createPlanTextRenderer({ width: io.width, colours: io.colours, showUnchanged: options.showUnchanged });
  write(renderer.header(header));
  return { entry: (entry) => write(renderer.entry(entry)), end: (summary) => write(renderer.end(summary)) };
}
