/**
 * What a command is given: where to write, how wide the screen is, the global options, and the builders of the
 * adapters it needs. Each command is `xCommand(io: CliIo): Command`; parsing is all a command does before its action.
 */
import type { Clock } from "../clock.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Logger } from "../log.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Config } from "./config.ts";
import { ExitCode } from "./exit-codes.ts";

/** `wide`: text with every column, whatever the terminal's width. */
export type OutputFormat = "text" | "wide" | "json" | "yaml" | "markdown";

/** The options every command understands, before or after its own name. */
export interface GlobalOptions {
  readonly output: OutputFormat;
  readonly kubeconfig?: string;
  readonly context?: string;
  /** Holdfast's namespace (`holdfast` unless told): where CRs of a command stand. */
  readonly namespace: string;
  /** The installation's name; required by what writes records (design §2). */
  readonly cluster?: string;
}

/** One of the process's two text streams. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY: boolean;
}

/** A BackupStorageLocation that was read and opened. */
export interface OpenedLocation {
  readonly namespace: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly store: ObjectStore;
}

/** Builds adapters on demand: a command that talks to no cluster pays for none. */
export interface CliDeps {
  /** The client for `--kubeconfig`/`--context`, else the environment's, else the pod's own. Built once. @throws {KubeConfigInvalid} */
  kube(): Promise<KubeClient>;
  /**
   * The named location of `namespace` (the global one unless given); without a name the default one, or the only one.
   * @throws {Usage} when none is the default; {KubeNotFound} when there is none of that name
   */
  location(name?: string, namespace?: string): Promise<OpenedLocation>;
  /** Ends connections, so that the process can end. Called once, after the command. */
  close(): Promise<void>;
}

export interface CliIo {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  /** Columns of the terminal; 100 where stdout is none. */
  readonly width: number;
  /** Whether stdout may carry ANSI colours. */
  readonly colours: boolean;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts at SIGINT or SIGTERM: pass it to everything that takes one. */
  readonly signal: AbortSignal;
  /** Set by the command; `Done` unless told. An error thrown out of the action sets it too. */
  exitCode: ExitCode;
  /** The parsed global options. @throws {Usage} before parsing is done */
  options(): GlobalOptions;
  deps(): CliDeps;
  /** Writes text to stdout and ends it with one newline. */
  print(text: string): void;
  /** Writes a line for a person to stderr: progress, hints; never results. */
  note(text: string): void;
}

export interface CliIoParts {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly width: number;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Called once, at the first `deps()`. */
  readonly buildDeps: (io: CliIo) => CliDeps;
}

/** A CliIo whose options are told later, by `root.ts`, when commander has parsed them. */
export interface MutableCliIo extends CliIo {
  useOptions(options: GlobalOptions): void;
  /** Ends what `deps()` built, if anything. */
  close(): Promise<void>;
}

/** Puts the parts together; used by `main.ts` and by tests that call a command in process. */
export function createCliIo(parts: CliIoParts): MutableCliIo {
  let options: GlobalOptions | undefined;
  let deps: CliDeps | undefined;
  const io: MutableCliIo = {
    ...parts,
    colours: parts.config.forceColours || (parts.config.colours && parts.stdout.isTTY),
    exitCode: ExitCode.Done,
    useOptions: (parsed) => {
      options = parsed;
    },
    options: () => {
      if (options === undefined) throw new CodedError("Usage", { argument: "" }, "the options are not parsed yet");
      return options;
    },
    deps: () => {
      deps ??= parts.buildDeps(io);
      return deps;
    },
    close: async () => await deps?.close(),
    print: (text) => parts.stdout.write(text.endsWith("\n") ? text : `${text}\n`),
    note: (text) => parts.stderr.write(text.endsWith("\n") ? text : `${text}\n`),
  };
  return io;
}

/** The name that `--cluster` or HOLDFAST_CLUSTER gives. @throws {Usage} when neither does */
export function requireCluster(io: CliIo): string {
  const { cluster } = io.options();
  if (cluster !== undefined) return cluster;
  throw new CodedError(
    "Usage",
    { argument: "--cluster" },
    "name this installation: --cluster NAME (or HOLDFAST_CLUSTER). Records, backups and the status branch carry the name, and it survives a rebuild of the cluster",
  );
}

/** The format of `--output`, of those that a command prints. @throws {Usage} for another: text in its place would mislead programs */
export function outputOf<Format extends OutputFormat>(io: CliIo, formats: readonly Format[]): Format {
  const { output } = io.options();
  const format = formats.find((each) => each === output);
  if (format !== undefined) return format;
  throw new CodedError("Usage", { argument: "--output" }, `this is printed as ${formats.join(", ")}, not as ${output}`);
}
