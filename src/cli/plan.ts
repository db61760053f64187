import { readFile } from "node:fs/promises";
import { Command, Option } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { validateTree } from "../api/validate.ts";
import { CodedError } from "../errors.ts";
import { silentLogger } from "../log.ts";
import type { PlanEntry, PlanHeader, PlanSummary } from "../report/plan.ts";
import { createPlanJsonRenderer } from "../report/plan-json.ts";
import { createPlanMarkdownRenderer } from "../report/plan-markdown.ts";
import { createPlanTextRenderer } from "../report/plan-text.ts";
import { loadRestoreInputs } from "../restore/inputs.ts";
import { planRestore } from "../restore/plan-restore.ts";
import { ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { openPlanBackup } from "./restore-source.ts";

interface PlanOptions {
  readonly location?: string;
  readonly serverDryRun: boolean;
  readonly showUnchanged: boolean;
}

const EXAMPLES = `
Reads the cluster and the backup, and changes nothing. Symbols: + create, ~ patch, -/+ recreate,
- delete, = unchanged, . skipped (with what update would change), ! will fail.

Examples:
  holdfast plan restores/shop.yaml
  holdfast plan restores/shop.yaml --output markdown > plan.md
  holdfast plan restores/shop.yaml --server-dry-run --location archive
`;

/** Builds `plan`: what each RestorePlan of a file would do, printed as it is made. */
export function planCommand(io: CliIo): Command {
  return new Command("plan")
    .description("show what a restore would do, object by object and field by field")
    .argument("<file>", "YAML file with one or more RestorePlans")
    .option("--location <name>", "storage location of the backup (default: where its Backup object says)")
    .addOption(new Option("--server-dry-run", "ask the API server to try each write and keep nothing").default(false))
    .addOption(new Option("--show-unchanged", "list unchanged objects too").default(false))
    .addHelpText("after", EXAMPLES)
    .action(async (file: string, options: PlanOptions) => {
      for (const plan of await readPlans(io, file)) await printPlan(io, plan, options);
    });
}

async function readPlans(io: CliIo, file: string): Promise<RestorePlan[]> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new CodedError("Usage", { argument: file }, `cannot read ${file}`, { cause: error });
  });
  const tree = validateTree([{ path: file, bytes }], { defaultNamespace: io.options().namespace });
  if (tree.problems.length > 0) {
    const problems = tree.problems.map(({ code, message, line, column }) => ({
      code,
      message,
      at: `${file}:${line}:${column}`,
    }));
    throw new CodedError("InvalidDocument", { problems }, `${file} is not valid`);
  }
  const plans = tree.documents
    .filter(({ kind }) => kind === "RestorePlan")
    .map(({ object }) => object as unknown as RestorePlan);
  if (plans.length > 0) return plans;
  throw new CodedError(
    "Usage",
    { argument: file },
    `${file} holds no RestorePlan: scaffold one with \`holdfast restore create --dry-run\``,
  );
}

async function printPlan(io: CliIo, plan: RestorePlan, options: PlanOptions): Promise<void> {
  const kube = await io.deps().kube();
  const namespace = plan.metadata.namespace ?? io.options().namespace;
  const source = await openPlanBackup(io, kube, { spec: plan.spec, namespace, location: options.location });
  try {
    const inputs = await loadRestoreInputs(kube, plan.spec, namespace, io.options().namespace);
    const printer = printerFor(io, headerOf(plan, namespace, source), options);
    const stream = planRestore(
      { kube, clock: io.clock, log: silentLogger, store: source.store, writeRecords: false },
      {
        run: plan.metadata.name,
        spec: plan.spec,
        backup: source.backup,
        ...inputs,
        serverDryRun: options.serverDryRun,
        signal: io.signal,
      },
    );
    for (let next = await stream.next(); ; next = await stream.next()) {
      if (next.done === true) {
        printer.end(next.value);
        if (next.value.totals.fail > 0) io.exitCode = ExitCode.Partial;
        return;
      }
      printer.entry(next.value.entry);
    }
  } finally {
    await source.backup.close();
  }
}

interface Printer {
  entry(entry: PlanEntry): void;
  end(summary: PlanSummary): void;
}

function printerFor(io: CliIo, header: PlanHeader, options: PlanOptions): Printer {
  const { output } = io.options();
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

function headerOf(
  plan: RestorePlan,
  namespace: string,
  source: { readonly backup: { readonly name: string }; readonly location: string },
): PlanHeader {
  const { namespaceMapping, existingResourcePolicy = "none" } = plan.spec;
  return {
    plan: `${namespace}/${plan.metadata.name}`,
    backup: source.backup.name,
    location: source.location,
    existingResourcePolicy,
    ...(namespaceMapping === undefined ? {} : { namespaceMapping }),
  };
}
