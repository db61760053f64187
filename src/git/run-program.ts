import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { errorCode } from "./http-errors.ts";

/** How a program ended. */
export interface Finished {
  readonly output: string;
  /** What it said on its standard error. */
  readonly complaint: string;
  /** Undefined when it ended well; `ENOENT` when there is no such program. */
  readonly failure: string | undefined;
}

/** Where programs are looked for, whatever the environment says. */
export const SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin";
const TIMEOUT_MS = 60_000;

/** Runs a program to its end: no shell, nothing of our environment; `secret` is what it reads from descriptor 3. */
export async function runProgram(
  program: string,
  args: readonly string[],
  given: { readonly input: string | Uint8Array; readonly secret?: string },
): Promise<Finished> {
  const child = spawn(program, args, {
    env: { PATH: SEARCH_PATH, LC_ALL: "C" },
    cwd: "/",
    stdio: ["pipe", "pipe", "pipe", "pipe"] as const,
    timeout: TIMEOUT_MS,
    shell: false,
  });
  const { stdin, stdout, stderr } = child;
  const secret = child.stdio[3] as Writable;
  let output = "";
  let complaint = "";
  stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  // A program that ends early does not read what it is told.
  for (const pipe of [stdin, secret]) pipe.on("error", () => {});
  secret.end(given.secret ?? "");
  stdin.end(given.input);
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(errorCode(error) || error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : `exit ${code ?? signal}`));
  });
  return { output, complaint, failure };
}
