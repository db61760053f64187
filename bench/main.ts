/**
 * Honest ratios: what the product takes, divided by what the bare server takes for the same, measured by turns in one
 * run on one machine (design §9). Starts servers of its own.
 */
import { type BenchContext, benchBackup, benchPlan, benchRestore } from "./benches.ts";
import { type BenchName, readOptions, USAGE } from "./options.ts";
import { populate } from "./populate.ts";
import { type BenchResult, renderTable } from "./result.ts";
import { connectionOf, startBenchCluster, startBenchStore } from "./testbed.ts";

const RUN: Readonly<Record<BenchName, (context: BenchContext) => Promise<BenchResult>>> = {
  backup: benchBackup,
  plan: benchPlan,
  restore: benchRestore,
};

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") return console.log(USAGE);
  const say = (line: string) => console.error(line);
  const cluster = await startBenchCluster();
  const store = await startBenchStore(options.store);
  try {
    say(`creating ${options.objects} objects`);
    await populate(connectionOf(cluster), options.objects);
    const results: BenchResult[] = [];
    for (const bench of options.benches) {
      say(`${bench}: ${options.runs} runs`);
      const result = await RUN[bench]({ options, cluster, store: store.target, say });
      results.push(result);
      if (options.json) console.log(JSON.stringify(result));
    }
    if (!options.json) console.log(renderTable(results));
  } finally {
    await store.stop();
    await cluster.stop();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
