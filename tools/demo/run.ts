import { spawn } from "node:child_process";

/** Runs a program without a shell and resolves to its stdout. @throws Error with its stderr when it exits non-zero. */
export function run(
  file: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${file} ${args.join(" ")} exited with ${code}: ${stderr || stdout}`));
    });
  });
}
