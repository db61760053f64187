/** `npm run demo`: a shop is backed up, lost and brought back by a pull request, on real servers, in front of your eyes. */
import { parseArgs } from "node:util";
import { openCluster } from "./cluster.ts";
import { openScreen } from "./screen.ts";
import { tellStory } from "./story.ts";

const USAGE = `npm run demo -- [--s3] [--context NAME]

  --s3            keep the backups in an S3 server of the testbed instead of a folder
  --context NAME  use this context of your kubeconfig instead of a control plane of its own; neither Holdfast
                  nor the namespaces shop and platform may exist in it, and what is made is deleted
`;

const { values } = parseArgs({
  options: {
    s3: { type: "boolean", default: false },
    context: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => interrupted.abort(new Error(`stopped by ${signal}`)));
  const screen = openScreen(process.stdout);
  try {
    await using cluster = await openCluster({ s3: values.s3, context: values.context, screen });
    process.exitCode = (await tellStory(cluster, screen, interrupted.signal)) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`\nThe demo stopped: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

/** What went wrong, and where it was followed by a failure to clean up, that too. */
function messageOf(error: unknown): string {
  if (error instanceof SuppressedError) return `${messageOf(error.suppressed)}\n${messageOf(error.error)}`;
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${messageOf(error.cause)}`;
}
