import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TestbedError } from "../errors.ts";
import type { GuardedFolder } from "../process/guarded-folder.ts";
import { startGuarded } from "../process/guarded-process.ts";
import { buildEnvironment } from "./component-version.ts";
import type { Component } from "./components.ts";

const PROGRESS_EVERY_MS = 10_000;
const ERROR_TAIL = 20;
// What a shell answers for a command that is not on PATH.
const NOT_FOUND = 127;

export interface GoCommand {
  readonly component: Component;
  readonly args: readonly string[];
  readonly folder: GuardedFolder;
  /** Called every ten seconds with what Go has printed so far. */
  readonly onProgress: (output: string) => void;
}

/**
 * Runs the Go tool in the component's module and resolves to what it printed. It cannot outlive this process, and it
 * writes only to Go's own caches and where `args` point.
 * @throws {GoMissing} when there is no Go toolchain
 * @throws {GoTooOld} when the module needs a newer one
 * @throws {BuildFailed} when it fails; the message has the end of its output
 */
export async function runGo(command: GoCommand): Promise<string> {
  const { component, args, folder } = command;
  const logFile = join(folder.path, `go-${args[0]}.log`);
  const go = await startGuarded({
    command: "go",
    args,
    cwd: component.source,
    env: buildEnvironment(component),
    logFile,
    folder,
  });
  const ticker = setInterval(() => {
    readFile(logFile, "utf8").then(command.onProgress, () => undefined);
  }, PROGRESS_EVERY_MS);
  const code = await go.exited.finally(() => clearInterval(ticker));
  const output = await readFile(logFile, "utf8");
  if (code === 0) return output;
  throw goError(component, code, output);
}

function goError(component: Component, code: number | undefined, output: string): TestbedError {
  if (code === NOT_FOUND) {
    return new TestbedError(
      "GoMissing",
      `the test server "${component.name}" is built once with Go, which is not on PATH: ` +
        `install Go 1.26 or newer (https://go.dev/dl), or ${component.remedy}`,
    );
  }
  const tooOld = /requires go >= (\S+) \(running go (\S+);/.exec(output);
  if (tooOld !== null) {
    return new TestbedError(
      "GoTooOld",
      `the test server "${component.name}" is built with Go ${tooOld[1]} or newer, but this is Go ${tooOld[2]}: ` +
        `upgrade Go (https://go.dev/dl), or ${component.remedy}`,
    );
  }
  const tail = output.trimEnd().split("\n").slice(-ERROR_TAIL).join("\n");
  return new TestbedError("BuildFailed", `go could not build "${component.name}" (exit ${code}):\n${tail}`);
}
