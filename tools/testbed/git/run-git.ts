import { spawn } from "node:child_process";
import { TestbedError } from "../errors.ts";

/** Git as nobody configured it: no user, no system settings, no prompt. */
export const HERMETIC_GIT: NodeJS.ProcessEnv = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "Test Author",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_COMMITTER_NAME: "Test Committer",
  GIT_COMMITTER_EMAIL: "committer@example.com",
};

export interface GitRunOptions {
  readonly cwd?: string;
  readonly stdin?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs git and resolves to its stdout.
 * @throws {GitMissing} when there is no git
 * @throws {RequestFailed} when it exits non-zero; the message has its stderr
 */
export async function runGit(args: readonly string[], options: GitRunOptions = {}): Promise<Buffer> {
  const env = { ...process.env, ...HERMETIC_GIT, ...options.env };
  const git = spawn("git", args, { stdio: "pipe", env, ...(options.cwd !== undefined && { cwd: options.cwd }) });
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  git.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  git.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  git.stdin.on("error", () => undefined); // it ended without reading everything: its exit code says why
  git.on("error", (error: NodeJS.ErrnoException) => reject(error.code === "ENOENT" ? gitMissing() : error));
  git.on("close", (code) => {
    if (code === 0) resolve(Buffer.concat(stdout));
    else reject(new TestbedError("RequestFailed", `git ${args.join(" ")} exited ${code}: ${Buffer.concat(stderr)}`));
  });
  git.stdin.end(options.stdin ?? "");
  return await promise;
}

/** The failure of a machine without git. */
export function gitMissing(): TestbedError {
  return new TestbedError("GitMissing", "git is needed and is not on PATH: install it (https://git-scm.com/downloads)");
}
