/** Replays recorded scenarios with Holdfast's own restore, reading the bucket folder that Velero wrote. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { ruleFor } from "./differences.ts";
import { describeDifference } from "./restore-compare.ts";
import { createReplay, type Replay } from "./restore-replay.ts";
import { loadScenarios } from "./restore-scenario.ts";

const ROOT = process.env.HOLDFAST_CONFORMANCE_DIR ?? join(import.meta.dirname, "..", "testdata", "velero");
/** A claim that misses its volume by a moment is looked at again after 15 s by default, long after a replay has settled. */
const PROMPT_BINDING = ["--pvclaimbinder-sync-period=1s"];
/** Scenarios to run, by the beginnings of their names; all unless told. */
const ONLY = process.env.HOLDFAST_CONFORMANCE_ONLY?.split(",");

const scenarios = (await loadScenarios(ROOT)).filter(
  ({ name }) => ONLY?.some((start) => name.startsWith(start)) ?? true,
);

/**
 * Declares one share of the scenarios: every `of`-th from the `share`-th on. Most of a replay is waiting for controllers,
 * so several files, each with a cluster of its own, replay side by side.
 */
export function replayRestores(share: number, of: number): void {
  describe(`restores as Velero recorded them, part ${share + 1} of ${of}`, () => {
    const cluster = usePrivateCluster({ nodes: true, controllerManagerArgs: PROMPT_BINDING });
    let replay: Replay;
    beforeAll(async () => {
      replay = await createReplay(cluster);
    });

    const mine = scenarios.filter((_scenario, index) => index % of === share);
    it.each(mine.map((scenario) => [scenario.name, scenario] as const))("%s", async (_name, scenario) => {
      const used = new Set<string>();
      const unexplained: string[] = [];
      await replay.run(scenario, (restore, differences, comparison) => {
        for (const difference of differences) {
          const rule = ruleFor(difference, comparison);
          if (rule === undefined) unexplained.push(`${restore.name}: ${describeDifference(difference)}`);
          else used.add(rule.id);
        }
      });
      const verdict =
        unexplained.length > 0 ? "fail" : used.size === 0 ? "pass" : `pass (${[...used].sort().join(", ")})`;
      process.stdout.write(
        `conformance restore ${scenario.name}: ${verdict}\n${unexplained.map((line) => `  ${line}\n`).join("")}`,
      );

      expect(unexplained).toEqual([]);
    });
  });
}
