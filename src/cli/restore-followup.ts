import { existsSync } from "node:fs";
import { Command } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { listOwners } from "../gitops/list-owners.ts";
import { silentLogger } from "../log.ts";
import { type Followup, followupText, noFollowup } from "../report/followup.ts";
import type { PlanAction } from "../report/plan.ts";
import { followupOf } from "../restore/followup-plan.ts";
import { loadRestoreInputs } from "../restore/inputs.ts";
import { planRestore } from "../restore/plan-restore.ts";
import { type CliIo, outputOf } from "./io.ts";
import { readPlanFile } from "./plan-file.ts";
import { openPlanBackup } from "./restore-source.ts";
import { readRestorePlan } from "./restore-wait.ts";

const EXAMPLES = `
Argo CD and Flux put back what Git says once they go on. This prints, object by object, what Git would have to
hold so that they don't: the fields a restore sets that they own, and the objects it brings back that they
apply. Values of Secrets are left out. It compares the backup with the cluster as it is now: look before the
restore is merged, or when Git has undone it. While the restore stands there is nothing to compare, and it says so.

Examples:
  holdfast restore followup restores/shop.yaml           beside the pull request that asks for the restore
  holdfast restore followup shop-restore                 a RestorePlan of the cluster, by name
  holdfast restore followup shop-restore --output json   for programs
`;

/** Builds `restore followup`: the change to make in Git. Reads only. */
export function restoreFollowupCommand(io: CliIo): Command {
  return new Command("followup")
    .description("write the change to make in Git, so that it does not undo a restore")
    .argument("<plan>", "YAML file with RestorePlans, or the name of one in the cluster")
    .option("--location <name>", "storage location of the backup (default: where its Backup object says)")
    .addHelpText("after", EXAMPLES)
    .action(async (plan: string, options: { readonly location?: string }) => {
      const found: Followup[] = [];
      let stands = true;
      for (const each of await plansOf(io, plan)) {
        const followups = await followupsOf(io, each, options.location);
        found.push(...followups.found);
        stands &&= followups.stands;
      }
      if (outputOf(io, ["text", "json", "yaml"]) === "json") io.print(JSON.stringify(found, undefined, 2));
      else if (found.length > 0) io.print(followupText(found));
      if (found.length === 0) io.note(noFollowup(stands));
    });
}

async function plansOf(io: CliIo, plan: string): Promise<readonly RestorePlan[]> {
  if (existsSync(plan)) return (await readPlanFile(io, plan)).plans.map((written) => written.plan);
  return [await readRestorePlan(io, await io.deps().kube(), plan)];
}

/** What is there to change; `stands` where the restore would change no object now. */
interface Followups {
  readonly found: readonly Followup[];
  readonly stands: boolean;
}

const STANDING: ReadonlySet<PlanAction> = new Set(["unchanged", "labelsOnly", "skip"]);

async function followupsOf(io: CliIo, { metadata, spec }: RestorePlan, location?: string): Promise<Followups> {
  const kube = await io.deps().kube();
  const own = io.options().namespace;
  const namespace = metadata.namespace ?? own;
  const source = await openPlanBackup(io, kube, { spec, namespace, location });
  const found: Followup[] = [];
  let stands = true;
  try {
    const inputs = await loadRestoreInputs(kube, spec, namespace, own);
    const owners = await listOwners(kube, io.signal);
    const deps = { kube, clock: io.clock, log: silentLogger, store: source.store };
    const request = { run: metadata.name, spec, backup: source.backup, ...inputs, owners, signal: io.signal };
    for await (const item of planRestore(deps, request)) {
      stands &&= STANDING.has(item.entry.action);
      const followup = followupOf(item);
      if (followup !== undefined) found.push(followup);
    }
    return { found, stands };
  } finally {
    await source.backup.close();
  }
}
