import { Command } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import { yamlText } from "../api/yaml-text.ts";
import { isCoded } from "../errors.ts";
import { listOwners } from "../gitops/list-owners.ts";
import { formatOwner, type Owner } from "../gitops/owner.ts";
import { type PauseRecord, pauseRecordOf } from "../gitops/pause-change.ts";
import { resumeOwner } from "../gitops/pause-owners.ts";
import { judgePause } from "../gitops/stale-pause-plan.ts";
import type { KubeClient } from "../kube/client.ts";
import { type DoctorReport, doctorText, type PausedOwnerReport } from "../report/doctor-report.ts";
import { ExitCode } from "./exit-codes.ts";
import { type CliIo, outputOf } from "./io.ts";

interface DoctorOptions {
  readonly resume: boolean;
  readonly force: boolean;
}

const EXAMPLES = `
Every owner that a restore pauses carries the annotation holdfast.dev/paused: by whom, since when, and what stood
there before. A pause is stale when its run has ended, is gone, or was not heard of before its deadline.
The exit code is 3 while a stale pause stands.

Examples:
  holdfast doctor                    what is paused, by which restore, and whether anybody will resume it
  holdfast doctor --resume           resume what is stale; needs no running controller
  holdfast doctor --resume --force   resume everything: Git then undoes a restore that is still running
`;

/** Builds `doctor`: what restores have paused in this cluster, and the way out. */
export function doctorCommand(io: CliIo): Command {
  return new Command("doctor")
    .description("show which Argo CD and Flux owners restores have paused, and resume what was left paused")
    .option("--resume", "resume owners whose pause is stale", false)
    .option("--force", "with --resume: those of restores that still run, too", false)
    .addHelpText("after", EXAMPLES)
    .action(async (options: DoctorOptions) => {
      const kube = await io.deps().kube();
      const report = await examine(io, kube, options);
      io.print(rendered(io, report));
      if (report.paused.some(({ state }) => state === "stale")) io.exitCode = ExitCode.Partial;
    });
}

async function examine(io: CliIo, kube: KubeClient, options: DoctorOptions): Promise<DoctorReport> {
  const { owners, unreadable } = await listOwners(kube, io.signal);
  const held = owners.flatMap((owner) => {
    const record = pauseRecordOf(owner.object);
    return record === undefined ? [] : [{ owner, record }];
  });
  const phases = held.length === 0 ? new Map<string, string>() : await phasesOfRuns(kube);
  const paused: PausedOwnerReport[] = [];
  for (const each of held) paused.push(await examineOne(io, kube, { ...each, phases, options }));
  return { paused, unreadable: unreadable.map(({ kind }) => kind) };
}

async function phasesOfRuns(kube: KubeClient): Promise<Map<string, string>> {
  const plans = await kube.list(RESTORE_PLAN).catch((error: unknown) => {
    if (isCoded(error, "KubeNotFound")) return []; // Holdfast was removed: nobody will end anything
    throw error;
  });
  return new Map(
    (plans as unknown as RestorePlan[]).map(({ status }) => [status?.run?.id ?? "", status?.phase ?? "New"]),
  );
}

async function examineOne(
  io: CliIo,
  kube: KubeClient,
  given: {
    readonly owner: Owner;
    readonly record: PauseRecord;
    readonly phases: ReadonlyMap<string, string>;
    readonly options: DoctorOptions;
  },
): Promise<PausedOwnerReport> {
  const { owner, record, phases, options } = given;
  const { plan, run, cluster, since, deadline } = record;
  const verdict = judgePause(record, { phase: phases.get(run), isActive: false }, io.clock.now());
  const resumes = options.resume && (options.force || verdict.type === "stale");
  if (resumes) await resumeOwner({ kube, clock: io.clock }, owner, run);
  const state = resumes ? "resumed" : verdict.type;
  return { owner: formatOwner(owner), plan, run, cluster, since, deadline, state, why: verdict.why };
}

function rendered(io: CliIo, report: DoctorReport): string {
  const output = outputOf(io, ["text", "json", "yaml"]);
  if (output === "json") return JSON.stringify(report, undefined, 2);
  return output === "yaml" ? yamlText(report) : doctorText(report);
}
