/**
 * Honest ratios: what the product takes, divided by what the bare server takes for the same, measured by turns in one
 * run on one machine (design §9). Starts servers of its own.
 */
import type { ControlPlane } from "../tools/testbed/control-plane/control-plane.ts";
import { benchBackup } from "./benches/backup.ts";
import { benchGrowth } from "./benches/growth.ts";
import { benchObject } from "./benches/object.ts";
import { benchPlan } from "./benches/plan.ts";
import { benchRecord } from "./benches/record.ts";
import { benchAppliedRestore, benchRestore, benchSafeRestore } from "./benches/restore.ts";
import { benchSafeUpdate, benchUpdate, benchUpdateAgain } from "./benches/update.ts";
import type { BenchContext } from "./compare.ts";
import { type BenchName, readOptions, USAGE } from "./options.ts";
import { type BenchResult, renderTable } from "./result.ts";
import { fillCluster, startBenchStore } from "./testbed.ts";

const RUN: Readonly<
  Record<Exclude<BenchName, "record">, (context: BenchContext) => Promise<BenchResult | BenchResult[]>>
> = {
  backup: (context) => benchBackup(context),
  object: benchObject,
  plan: benchPlan,
  restore: benchRestore,
  "restore-safe": benchSafeRestore,
  "restore-applied": benchAppliedRestore,
  update: benchUpdate,
  "update-safe": benchSafeUpdate,
  "update-again": benchUpdateAgain,
  growth: benchGrowth,
};

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") return console.log(USAGE);
  const say = (line: string) => console.error(line);
  let filling: Promise<ControlPlane> | undefined;
  const cluster = (): Promise<ControlPlane> => {
    if (filling === undefined) say(`creating ${options.objects} objects`);
    filling ??= fillCluster(options.objects);
    return filling;
  };
  const store = await startBenchStore(options.store);
  try {
    const results: BenchResult[] = [];
    for (const bench of options.benches) {
      if (bench === "record") {
        for await (const line of benchRecord(say)) console.log(JSON.stringify(line));
        continue;
      }
      say(`${bench}: ${options.runs} runs`);
      const measured = [await RUN[bench]({ options, cluster, store: store.target, say })].flat();
      results.push(...measured);
      if (options.json) for (const result of measured) console.log(JSON.stringify(result));
    }
    if (!options.json && results.length > 0) console.log(renderTable(results));
  } finally {
    await store.stop();
    await (await filling?.catch(() => undefined))?.stop();
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
