/**
 * The command line: global options, one line per error, and the exit code. Commands are files of their own.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { CodedError, messageOf, remedyFor } from "../errors.ts";
import { EXIT_CODE_HELP, ExitCode, exitCodeOf } from "./exit-codes.ts";
import type { CliIo, GlobalOptions, MutableCliIo, OutputFormat } from "./io.ts";

const OUTPUT_FORMATS: readonly OutputFormat[] = ["text", "wide", "json", "yaml", "markdown"];

const EXAMPLES = `
Examples:
  holdfast validate policies/                      check YAML without a cluster
  holdfast run --repo https://git.example.com/ops/cluster.git --cluster prod
  holdfast plan restore.yaml                       what a restore would do, field by field
  holdfast status                                  what runs, what is stale, what comes next
`;

/** The program with its global options and the given commands. Nothing runs until it is parsed. */
export function createProgram(io: MutableCliIo, version: string, commands: readonly Command[]): Command {
  const program = new Command("holdfast")
    .description("Back up and restore Kubernetes from Git: a plan before, a record after.")
    .version(version)
    .addOption(new Option("-o, --output <format>", "how results are printed").choices(OUTPUT_FORMATS).default("text"))
    .option("--kubeconfig <path>", "kubeconfig file (default: KUBECONFIG, ~/.kube/config, or the pod's own account)")
    .option("--context <name>", "context of the kubeconfig")
    .option("-n, --namespace <name>", "Holdfast's namespace", io.config.namespace ?? "holdfast")
    .addOption(
      new Option("--cluster <name>", "name of this installation; it survives a rebuild of the cluster")
        .argParser(parseClusterName)
        .default(io.config.cluster),
    )
    .addHelpText("after", `${EXAMPLES}${EXIT_CODE_HELP}`)
    .hook("preAction", (root) => io.useOptions(root.opts<GlobalOptions>()));
  for (const command of commands) program.addCommand(command);
  return program;
}

/**
 * Parses and runs one command line; never throws. Sets `io.exitCode`: 2 for wrong usage, else by the error's code.
 * Shape: `argv` without the interpreter and the script.
 */
export async function runCli(io: MutableCliIo, program: Command, argv: readonly string[]): Promise<void> {
  let refusing: Command | undefined;
  for (const command of walk(program)) {
    command
      .exitOverride()
      .configureHelp({ showGlobalOptions: true })
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        writeErr: (text) => io.stderr.write(text),
        outputError: () => {
          refusing = command;
        },
      });
    if (command !== program) command.addHelpText("after", EXIT_CODE_HELP);
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      io.exitCode = error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage;
      if (refusing !== undefined) printError(io, usageError(refusing, error), argv);
      return;
    }
    io.exitCode = exitCodeOf(error);
    printError(io, error, argv);
  }
}

/** A DNS label, so that it can stand in a branch name, a label value and a bucket prefix. */
function parseClusterName(value: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value)) return value;
  throw new InvalidArgumentError("A cluster name is a DNS label: lower-case letters, digits and dashes, at most 63.");
}

/** What commander refuses, said as everything else is, with the help that tells better. */
function usageError(command: Command, { message }: CommanderError): CodedError {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return new CodedError(
    "Usage",
    { argument: "", help: `${names.join(" ")} --help` },
    message.replace(/^error: /, "").replaceAll("\n", " "),
  );
}

function* walk(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* walk(child);
}

function printError(io: CliIo, error: unknown, argv: readonly string[]): void {
  const code = error instanceof CodedError ? error.code : "Internal";
  if (wantsJson(argv)) {
    const problems = problemsOf(error);
    const body = { code, message: messageOf(error), ...(problems.length > 0 ? { problems } : {}) };
    io.stderr.write(`${JSON.stringify({ error: body })}\n`);
    return;
  }
  for (const problem of problemsOf(error)) io.stderr.write(`${problem.at}: ${problem.message} [${problem.code}]\n`);
  const remedy = remedyFor(error);
  io.stderr.write(`holdfast: ${messageOf(error)} [${code}]\n${remedy === undefined ? "" : `  ${remedy}\n`}`);
  if (!(error instanceof CodedError))
    io.log.debug({ stack: error instanceof Error ? error.stack : "" }, "internal error");
}

/** The options may not be parsed when the error comes, so the arguments are asked. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some((argument, at) => argument === "--output=json" || (isOutput(argument) && argv[at + 1] === "json"));
}

function isOutput(argument: string): boolean {
  return argument === "--output" || argument === "-o";
}

function problemsOf(error: unknown): readonly { code: string; message: string; at: string }[] {
  return error instanceof CodedError && error.code === "InvalidDocument"
    ? (error as CodedError<"InvalidDocument">).data.problems
    : [];
}
