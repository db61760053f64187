import { Command, InvalidArgumentError } from "commander";
import { KINDS } from "../api/kinds.ts";
import { formatKey } from "../api/object.ts";
import { yamlText } from "../api/yaml-text.ts";
import { type RetainedBackup, type RetentionVerdict, retentionPlan } from "../backup/retention-plan.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded } from "../errors.ts";
import { createLiveObjects, type LiveObjects } from "../reconcile/live-objects.ts";
import { retentionInput } from "../reconcile/retention-input.ts";
import { ageText, expiryText } from "../report/age.ts";
import { bullets, textTable } from "../report/table.ts";
import { notInstalled } from "./deps.ts";
import { type CliIo, outputOf, requireCluster } from "./io.ts";

const EXAMPLES = `
What the running Holdfast would decide now; nothing is changed. What it holds back all the same (too many at once, a
location that can't be written to) is the condition DeletionBlocked of the policy or of the location.

Examples:
  holdfast retention plan --cluster main
  holdfast retention plan --cluster main --only delete
  holdfast retention plan --cluster main --output wide
  holdfast retention plan --cluster main --output json
`;

/** Builds `retention` with its subcommand `plan`. */
export function retentionCommand(io: CliIo): Command {
  const command = new Command("retention").description("which backups are kept and which go, and why");
  const plan = new Command("plan")
    .description("decide about every backup of this cluster, and say why; changes nothing")
    .option("--only <keep|delete>", "only what is kept, or what goes", parseOnly)
    .addHelpText("after", EXAMPLES)
    .action(async ({ only }: { readonly only?: "keep" | "delete" }) => {
      const verdicts = (await decide(io)).filter(({ action }) => only === undefined || action === only);
      io.print(rendered(io, verdicts));
    });
  return command.addCommand(plan);
}

async function decide(io: CliIo): Promise<RetentionVerdict[]> {
  const { namespace } = io.options();
  const cluster = requireCluster(io);
  const live = await readCluster(io, namespace);
  const installation = { cluster, clusterUid: "", namespace, term: 0 };
  return retentionPlan(retentionInput({ live, installation }, io.clock.now())).sort(
    (a, b) =>
      (seriesOf(a.backup) < seriesOf(b.backup) ? -1 : seriesOf(a.backup) > seriesOf(b.backup) ? 1 : 0) || byStart(a, b),
  );
}

async function readCluster(io: CliIo, namespace: string): Promise<LiveObjects> {
  const kube = await io.deps().kube();
  const live = createLiveObjects(namespace);
  try {
    for (const kind of KINDS) live.replace(kind.kind, await kube.list(kind, { signal: io.signal }));
  } catch (error) {
    throw isCoded(error, "KubeNotFound") ? notInstalled(error) : error;
  }
  return live;
}

function byStart(a: RetentionVerdict, b: RetentionVerdict): number {
  return b.backup.startedMs - a.backup.startedMs;
}

/** `namespace/policy schedule`; empty for backups of no schedule. */
function seriesOf({ series }: RetainedBackup): string {
  return series === undefined ? "" : `${formatKey(series.policy)} ${series.schedule}`;
}

function rendered(io: CliIo, verdicts: readonly RetentionVerdict[]): string {
  switch (outputOf(io, ["text", "wide", "json", "yaml", "markdown"])) {
    case "json":
      return JSON.stringify(verdicts.map(row), undefined, 2);
    case "yaml":
      return yamlText(verdicts.map(row));
    case "markdown":
      return markdown(verdicts);
    case "wide":
      return wide(verdicts);
    case "text":
      return text(io, verdicts);
  }
}

function row({ backup, action, reasons, expiresMs }: RetentionVerdict): object {
  const { key, phase, series, startedMs } = backup;
  return {
    backup: key.name,
    namespace: key.namespace,
    ...(series === undefined ? {} : { policy: formatKey(series.policy), schedule: series.schedule }),
    phase: phase ?? "New",
    started: rfc3339(startedMs),
    ...(expiresMs === undefined ? {} : { expires: rfc3339(expiresMs) }),
    action,
    reasons,
  };
}

const WIDE_HEAD = ["BACKUP", "SCHEDULE", "STATUS", "STARTED", "EXPIRES", "ACTION", "WHY"];

function cells({ backup, action, reasons, expiresMs }: RetentionVerdict): string[] {
  const expires = expiresMs === undefined ? "" : rfc3339(expiresMs);
  const why = reasonsText(reasons);
  return [backup.key.name, seriesOf(backup), backup.phase ?? "New", rfc3339(backup.startedMs), expires, action, why];
}

function wide(verdicts: readonly RetentionVerdict[]): string {
  if (verdicts.length === 0) return NONE;
  return `${textTable(WIDE_HEAD, verdicts.map(cells))}\n${totals(verdicts)}`;
}

const HEAD = ["BACKUP", "STATUS", "AGE", "EXPIRES", "ACTION"];
const NONE = "No backups found.";

/** Why stands below its backup: no column is wide enough for it beside the others. */
function text(io: CliIo, verdicts: readonly RetentionVerdict[]): string {
  if (verdicts.length === 0) return NONE;
  const nowMs = io.clock.now();
  const [head = "", ...lines] = textTable(
    HEAD,
    verdicts.map(({ backup, action, expiresMs }) => [
      backup.key.name,
      backup.phase ?? "New",
      ageText(rfc3339(backup.startedMs), nowMs),
      expiresMs === undefined ? "" : expiryText(rfc3339(expiresMs), nowMs),
      action,
    ]),
  ).split(/(?<=\n)/);
  const told = verdicts.map(({ reasons }, at) => `${lines[at] ?? ""}${bullets([reasonsText(reasons)], io.width)}`);
  return `${head}${told.join("")}\n${totals(verdicts)}`;
}

function reasonsText(reasons: RetentionVerdict["reasons"]): string {
  return reasons.map((reason) => reason.text).join("; ");
}

function markdown(verdicts: readonly RetentionVerdict[]): string {
  const lines = [WIDE_HEAD, WIDE_HEAD.map(() => "---"), ...verdicts.map(cells)];
  const table = lines.map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
  return `${table}\n\n${totals(verdicts)}`;
}

function totals(verdicts: readonly RetentionVerdict[]): string {
  const going = verdicts.filter(({ action }) => action === "delete").length;
  return `${verdicts.length - going} kept, ${going} to be deleted.`;
}

function parseOnly(value: string): "keep" | "delete" {
  if (value === "keep" || value === "delete") return value;
  throw new InvalidArgumentError("keep or delete.");
}
