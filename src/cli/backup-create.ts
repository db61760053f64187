import { Command, InvalidArgumentError } from "commander";
import { POLICY_LABEL, SCHEDULE_LABEL } from "../api/annotations.ts";
import { parseDuration } from "../api/duration.ts";
import type { Backup, BackupPolicy, BackupSpec } from "../api/kinds.generated.ts";
import { BACKUP, BACKUP_POLICY } from "../api/kinds.ts";
import { type LabelSelector, parseLabelSelector } from "../api/label-selector.ts";
import { apiVersionOf, type KubeObject } from "../api/object.ts";
import { yamlText } from "../api/yaml-text.ts";
import { specProblems } from "../backup/spec-plan.ts";
import { compactTime } from "../clock.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { backupName, MANUAL } from "../schedule/slot-name.ts";
import { waitForBackup } from "./backup-wait.ts";
import { type CliIo, outputOf } from "./io.ts";

interface CreateOptions {
  readonly fromPolicy?: string;
  readonly wait: boolean;
  readonly dryRun: boolean;
  readonly location?: string;
  readonly ttl?: string;
  readonly includeNamespaces?: string[];
  readonly excludeNamespaces?: string[];
  readonly includeResources?: string[];
  readonly excludeResources?: string[];
  readonly includeClusterResources?: boolean;
  readonly includeClusterScopedResources?: string[];
  readonly excludeClusterScopedResources?: string[];
  readonly includeNamespaceScopedResources?: string[];
  readonly excludeNamespaceScopedResources?: string[];
  readonly selector?: LabelSelector;
  readonly orSelector?: LabelSelector[];
  readonly orderedResources?: Record<string, string>;
  readonly resourcePoliciesConfigmap?: string;
}

const EXAMPLES = `
Makes a Backup object; a running \`holdfast run\` carries it out. Options mean what they mean in Velero.
The same YAML in Git does the same: --dry-run prints it.

Examples:
  holdfast backup create --from-policy shop --wait
  holdfast backup create before-upgrade --include-namespaces shop,shop-db --ttl 168h
  holdfast backup create all --dry-run > backups/all.yaml
`;

/** Builds `backup create`. */
export function backupCreateCommand(io: CliIo): Command {
  const command = new Command("create")
    .description("back up now")
    .argument("[name]", "default with --from-policy: <policy>-manual-<time>")
    .option("--from-policy <name>", "take the template of a BackupPolicy")
    .option("--location <name>", "storage location (default: the default one)")
    .option("--ttl <duration>", "how long to keep it, such as 720h; 0s: for ever", duration)
    .option("--include-cluster-resources [true|false]", "cluster-scoped objects too", tristate)
    .option("-l, --selector <query>", "only objects with these labels", selector)
    .option("--or-selector <query>", "objects that any of these select: a=b or c=d", orSelector)
    .option("--ordered-resources <list>", "back these up first: pods=ns/a,ns/b;persistentvolumes=x", ordered)
    .option("--resource-policies-configmap <name>", "ConfigMap with volume and resource policies")
    .option("-w, --wait", "wait for the end; exit code 3 for PartiallyFailed, 1 for Failed", false)
    .option("--dry-run", "print the Backup and create nothing", false);
  for (const [flag, what] of LISTS) command.option(`--${flag} <names>`, what, commaList);
  return command
    .addHelpText("after", EXAMPLES)
    .action((name: string | undefined, options: CreateOptions) => create(io, name, options));
}

const LISTS: readonly (readonly [flag: string, what: string])[] = [
  ["include-namespaces", "namespaces, by name or pattern"],
  ["exclude-namespaces", "namespaces to leave out"],
  ["include-resources", "resources, such as deployments.apps"],
  ["exclude-resources", "resources to leave out"],
  ["include-cluster-scoped-resources", "cluster-scoped resources"],
  ["exclude-cluster-scoped-resources", "cluster-scoped resources to leave out"],
  ["include-namespace-scoped-resources", "namespaced resources"],
  ["exclude-namespace-scoped-resources", "namespaced resources to leave out"],
];

async function create(io: CliIo, name: string | undefined, options: CreateOptions): Promise<void> {
  const { namespace } = io.options();
  const needsCluster = options.fromPolicy !== undefined || !options.dryRun;
  const kube = needsCluster ? await io.deps().kube() : undefined;
  const policy =
    options.fromPolicy === undefined || kube === undefined
      ? undefined
      : await readPolicy(kube, namespace, options.fromPolicy);
  const named =
    name ??
    (policy === undefined
      ? undefined
      : backupName(
          { policy: policy.metadata.name, schedule: MANUAL, slotMs: io.clock.now(), namespace },
          io.config.namespace ?? namespace,
        ));
  if (named === undefined)
    throw new CodedError(
      "Usage",
      { argument: "name" },
      `name the backup, such as manual-${compactTime(io.clock.now())}, or give --from-policy`,
    );
  const spec = { ...policy?.spec.template, ...specOf(options) };
  const problems = specProblems(spec);
  if (problems.length > 0) throw new CodedError("InvalidSpec", { fields: [] }, problems.join("\n"));
  const backup = {
    apiVersion: apiVersionOf(BACKUP),
    kind: BACKUP.kind,
    metadata: {
      name: named,
      namespace,
      ...(policy === undefined ? {} : { labels: { [POLICY_LABEL]: policy.metadata.name, [SCHEDULE_LABEL]: MANUAL } }),
    },
    spec,
  };
  if (kube === undefined || options.dryRun)
    return io.print(
      outputOf(io, ["text", "json", "yaml"]) === "json" ? JSON.stringify(backup, undefined, 2) : yamlText(backup),
    );
  const created = await kube.create(BACKUP, backup as KubeObject, { fieldValidation: "Strict", signal: io.signal });
  if (!options.wait) return io.print(`Backup ${named} is requested. Follow it with: holdfast backup get ${named}`);
  await waitForBackup(io, kube, created as unknown as Backup);
}

async function readPolicy(kube: KubeClient, namespace: string, name: string): Promise<BackupPolicy> {
  const policy = await kube.get(BACKUP_POLICY, { namespace, name });
  if (policy !== undefined) return policy as unknown as BackupPolicy;
  throw new CodedError(
    "KubeNotFound",
    { ref: `BackupPolicy ${namespace}/${name}` },
    `there is no BackupPolicy ${name} in namespace ${namespace}: see \`holdfast status\``,
  );
}

function specOf(options: CreateOptions): BackupSpec {
  const given: BackupSpec = {
    ...optional("includedNamespaces", options.includeNamespaces),
    ...optional("excludedNamespaces", options.excludeNamespaces),
    ...optional("includedResources", options.includeResources),
    ...optional("excludedResources", options.excludeResources),
    ...optional("includeClusterResources", options.includeClusterResources),
    ...optional("includedClusterScopedResources", options.includeClusterScopedResources),
    ...optional("excludedClusterScopedResources", options.excludeClusterScopedResources),
    ...optional("includedNamespaceScopedResources", options.includeNamespaceScopedResources),
    ...optional("excludedNamespaceScopedResources", options.excludeNamespaceScopedResources),
    ...(optional("labelSelector", options.selector) as Pick<BackupSpec, "labelSelector">),
    ...(optional("orLabelSelectors", options.orSelector) as Pick<BackupSpec, "orLabelSelectors">),
    ...optional("orderedResources", options.orderedResources),
    ...optional("storageLocation", options.location),
    ...optional("ttl", options.ttl),
  };
  const policy = options.resourcePoliciesConfigmap;
  return policy === undefined ? given : { ...given, resourcePolicy: { kind: "ConfigMap", name: policy } };
}

function optional<K extends string, V>(field: K, value: V | undefined): { readonly [F in K]?: V } {
  return (value === undefined ? {} : { [field]: value }) as { readonly [F in K]?: V };
}

function commaList(value: string, previous: string[] | undefined): string[] {
  return [
    ...(previous ?? []),
    ...value
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  ];
}

function duration(value: string): string {
  if (parseDuration(value) === undefined) throw new InvalidArgumentError("Write a duration as Go does: 720h, 90m, 0s.");
  return value;
}

function tristate(value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new InvalidArgumentError("Write true or false.");
}

function selector(value: string): LabelSelector {
  const parsed = parseLabelSelector(value);
  if (parsed === undefined)
    throw new InvalidArgumentError("Write a selector as kubectl does: app=web,tier in (a,b),!legacy");
  return parsed;
}

function orSelector(value: string): LabelSelector[] {
  return value.split(/\s+or\s+/).map(selector);
}

function ordered(value: string): Record<string, string> {
  const entries = value.split(";").map((part) => part.split("="));
  if (entries.some((entry) => entry.length !== 2))
    throw new InvalidArgumentError("Write resource=names pairs, separated by semicolons.");
  return Object.fromEntries(entries.map(([resource = "", names = ""]) => [resource.trim(), names.trim()]));
}
