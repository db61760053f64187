/** `npm run testbed`: the servers of the testbed by hand. */
import { Command } from "commander";
import { build } from "./commands/build.ts";
import { describeUp } from "./commands/describe-up.ts";
import { down } from "./commands/down.ts";
import { readLiveState } from "./commands/supervisor-control.ts";
import { up } from "./commands/up.ts";
import { TestbedError } from "./errors.ts";
import type { TestbedParts } from "./testbed.ts";

const program = new Command("testbed")
  .description("Real servers on this machine: a Kubernetes control plane, and if asked for nodes, S3 and Git.")
  .addHelpText(
    "after",
    `
Binaries are taken from KUBEBUILDER_ASSETS (a folder), HOLDFAST_TESTBED_KWOK and HOLDFAST_TESTBED_VERSITYGW (files),
else from the cache ($XDG_CACHE_HOME/holdfast-testbed), else built once with Go, which takes minutes.

Exit codes: 0 done, 1 failed; \`status\`: 3 when nothing is up.

Examples:
  npm run testbed -- up --s3 --git     start in the background, print how to reach it
  npm run testbed -- down              stop it and remove its data`,
  );

program
  .command("up")
  .description("start it in the background and print kubeconfig path and addresses")
  .option("--kwok", "add a simulated node: pods run, and exec runs commands on this machine")
  .option("--s3", "add an S3 server with the bucket `testbed`")
  .option("--git", "add a Git server with the empty repository `testbed`")
  .action(async (parts: TestbedParts) => print(await up(parts)));

program
  .command("down")
  .description("stop it and remove its data")
  .action(async () => print(await down()));

program
  .command("status")
  .description("say whether it is up, and how to reach it")
  .action(async () => {
    const state = await readLiveState();
    print(state === undefined ? "The testbed is not up." : `The testbed is up.\n${describeUp(state)}`);
    if (state === undefined) process.exitCode = 3;
  });

program
  .command("build")
  .description("find or build the servers of `npm test` without starting any")
  .option("--system", "those of `npm run test:system` too", false)
  .action(async (options: { system: boolean }) => print(await build(options)));

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof TestbedError)) throw error;
  process.stderr.write(`testbed: ${error.message}\n`);
  process.exitCode = 1;
}
