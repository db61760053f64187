import { Command } from "commander";
import { CANCEL_REQUESTED_ANNOTATION } from "../api/annotations.ts";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { API_VERSION, RESTORE_PLAN } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { compactTime } from "../clock.ts";
import { CodedError } from "../errors.ts";
import type { CliIo } from "./io.ts";
import { printedPlan } from "./restore-create.ts";
import { ENDED, readRestorePlan, waitForRestore } from "./restore-wait.ts";

interface UndoOptions {
  readonly force: boolean;
  readonly createdOnly: boolean;
  readonly dryRun: boolean;
  readonly wait: boolean;
}

const UNDO_EXAMPLES = `
Examples:
  holdfast restore undo shop-restore --dry-run | holdfast plan -
  holdfast restore undo shop-restore --wait
`;

/** Builds `restore undo`: a new RestorePlan that returns every object to its state before. */
export function restoreUndoCommand(io: CliIo): Command {
  return new Command("undo")
    .description("return every object that a restore touched to its state before")
    .argument("<name>", "name of the RestorePlan to undo")
    .option("--force", "return objects too that were changed since the restore", false)
    .option("--created-only", "only delete what the restore created: needs no safety backup", false)
    .option("--dry-run", "print the YAML and create nothing", false)
    .option("-w, --wait", "wait for the end, and exit by how it went", false)
    .addHelpText("after", UNDO_EXAMPLES)
    .action(async (name: string, options: UndoOptions) => {
      const kube = await io.deps().kube();
      const run = runOf(await readRestorePlan(io, kube, name));
      const undo = `${name.slice(0, 180)}-undo-${compactTime(io.clock.now())}`;
      const { force, createdOnly } = options;
      const plan: RestorePlan = {
        apiVersion: API_VERSION,
        kind: "RestorePlan",
        metadata: { name: undo, namespace: io.options().namespace },
        spec: { source: { undoOf: run, ...(force && { force }), ...(createdOnly && { createdOnly }) } },
      };
      if (options.dryRun) return io.print(printedPlan(io, plan));
      await kube.create(RESTORE_PLAN, plan as unknown as KubeObject, { fieldValidation: "Strict", signal: io.signal });
      if (options.wait) return await waitForRestore(io, kube, undo);
      io.print(`RestorePlan ${undo} is created: follow it with \`holdfast restore describe ${undo}\``);
    });
}

/** Builds `restore cancel`: the run stops between two objects; what was written stays. */
export function restoreCancelCommand(io: CliIo): Command {
  return new Command("cancel")
    .description("stop a restore that is running; what it has written stays, and can be undone")
    .argument("<name>", "name of the RestorePlan")
    .addHelpText("after", "\nExamples:\n  holdfast restore cancel shop-restore\n")
    .action(async (name: string) => {
      const kube = await io.deps().kube();
      const plan = await readRestorePlan(io, kube, name);
      const run = runOf(plan);
      const { phase } = plan.status ?? {};
      if (phase !== undefined && ENDED.has(phase))
        return io.print(`run ${run} has ended already: ${phase}. \`holdfast restore undo ${name}\` takes it back`);
      const body = { metadata: { annotations: { [CANCEL_REQUESTED_ANNOTATION]: run } } };
      await kube.patch(
        RESTORE_PLAN,
        { namespace: io.options().namespace, name },
        { type: "merge", body },
        { signal: io.signal },
      );
      io.print(`run ${run} is asked to stop: see \`holdfast restore describe ${name}\``);
    });
}

function runOf(plan: RestorePlan): string {
  const run = plan.status?.run?.id;
  if (run !== undefined) return run;
  throw new CodedError("Usage", { argument: plan.metadata.name }, `restore ${plan.metadata.name} has not begun`);
}
