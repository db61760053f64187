import { Command, Option } from "commander";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { RESTORE_PLAN } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { validateObject } from "../api/validate.ts";
import { yamlText } from "../api/yaml-text.ts";
import { compactTime } from "../clock.ts";
import { CodedError } from "../errors.ts";
import { type CliIo, outputOf } from "./io.ts";
import { collectList, parseMapping, parsePairs, parseTriState } from "./restore-flags.ts";
import { type RestoreCreateOptions, restorePlanOf } from "./restore-plan-of.ts";
import { waitForRestore } from "./restore-wait.ts";

const SCHEMA_LINE = "# yaml-language-server: $schema=https://holdfast.dev/schemas/restoreplan.schema.json\n";

const EXAMPLES = `
Examples:
  holdfast restore create --from-backup shop-daily-20260102030405 --wait
  holdfast restore create --from-policy shop --as-of 2026-01-02T03:00:00Z --existing-resource-policy update
  holdfast restore create copy --from-backup B --namespace-mappings shop:shop-copy --dry-run > restores/copy.yaml
  holdfast restore create --from-backup B --dry-run | holdfast plan -
`;

/** Builds `restore create`: a RestorePlan in the cluster, or its YAML for a pull request. */
export function restoreCreateCommand(io: CliIo): Command {
  const command = new Command("create")
    .description("ask for a restore, or scaffold its YAML with --dry-run")
    .argument("[name]", "name of the RestorePlan (default: <backup or policy>-<YYYYMMDDhhmmss>)")
    .option("--from-backup <name>", "the backup to restore")
    .option("--from-policy <name>", "the newest completed backup of this policy")
    .option("--schedule <name>", "with --from-policy: only backups of this schedule")
    .option("--as-of <time>", "with --from-policy: the newest one that began by then (RFC 3339)")
    .option("--allow-partially-failed", "with --from-policy: a PartiallyFailed backup will do");
  return addSelection(command)
    .addOption(
      new Option("--existing-resource-policy <policy>", "what becomes of objects that exist").choices([
        "none",
        "update",
        "recreate",
        "fail",
      ]),
    )
    .option("--namespace-mappings <from:to,...>", "restore into other namespaces", parseMapping)
    .option("--storage-class-mappings <from:to,...>", "restore with other storage classes", parseMapping)
    .option("--resource-modifier-configmap <name>", "ConfigMap with Velero's resource modifiers")
    .option("--resource-policies-configmap <name>", "ConfigMap with filters by namespace and kind")
    .option("--status-include-resources <list>", "resources whose status is restored too", collectList)
    .option("--status-exclude-resources <list>", "resources whose status is not restored", collectList)
    .option("--preserve-nodeports [bool]", "keep node ports that the cluster had assigned", parseTriState)
    .option("--restore-volumes [bool]", "false: as ever; volume data is not restored yet", parseTriState)
    .option("--labels <key=value,...>", "labels of the RestorePlan", parsePairs)
    .option("--annotations <key=value,...>", "annotations of the RestorePlan", parsePairs)
    .option("--no-safety-backup", "don't back up what will be touched first")
    .option("--run-id <id>", "run once more what has run already: any text that is new")
    .option("--dry-run", "print the YAML and create nothing", false)
    .option("-w, --wait", "wait for the end, and exit by how it went", false)
    .addHelpText("after", EXAMPLES)
    .action(async (name: string | undefined, options: RestoreCreateOptions & { dryRun: boolean; wait: boolean }) => {
      const plan = checked(
        io,
        restorePlanOf(options, { name, namespace: io.options().namespace, time: compactTime(io.clock.now()) }),
      );
      if (options.dryRun) return io.print(printedPlan(io, plan));
      const kube = await io.deps().kube();
      await kube.create(RESTORE_PLAN, plan as unknown as KubeObject, { fieldValidation: "Strict", signal: io.signal });
      if (!options.wait)
        return io.print(
          `RestorePlan ${plan.metadata.name} is created: follow it with \`holdfast restore describe ${plan.metadata.name}\``,
        );
      await waitForRestore(io, kube, plan.metadata.name);
    });
}

function addSelection(command: Command): Command {
  return command
    .option("--include-namespaces <list>", "namespaces to restore", collectList)
    .option("--exclude-namespaces <list>", "namespaces to leave out", collectList)
    .option("--include-resources <list>", "resources to restore", collectList)
    .option("--exclude-resources <list>", "resources to leave out", collectList)
    .option("--include-names <list>", "objects to restore, by name", collectList)
    .option("--include-cluster-resources [bool]", "cluster-scoped objects too", parseTriState)
    .option("-l, --selector <selector>", "only objects with these labels")
    .option("--or-selector <selectors>", "objects that any of these select: 'a=b or c=d'");
}

function checked(io: CliIo, plan: RestorePlan): RestorePlan {
  const findings = validateObject("RestorePlan", plan as unknown as KubeObject, {
    defaultNamespace: io.options().namespace,
    fromGit: false,
  });
  const problems = findings.filter(({ isWarning }) => isWarning !== true);
  if (problems.length === 0) return plan;
  throw new CodedError(
    "InvalidDocument",
    { problems: problems.map(({ code, message, path }) => ({ code, message, at: path.join(".") })) },
    "the restore that these flags ask for is not valid",
  );
}

/** The YAML of a RestorePlan, or its JSON where that is asked for. */
export function printedPlan(io: CliIo, plan: RestorePlan): string {
  return outputOf(io, ["text", "json", "yaml"]) === "json"
    ? JSON.stringify(plan, undefined, 2)
    : `${SCHEMA_LINE}${yamlText(plan)}`;
}
