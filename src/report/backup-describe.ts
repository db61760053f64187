/** A backup for people: Velero's sections in Velero's order, then what only Holdfast knows. */

import { GLOBAL_POLICY_ANNOTATION, MANIFEST_SHA256_ANNOTATION } from "../api/annotations.ts";
import type { BackupProgress } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { obstacleText, progressText } from "./backup-progress.ts";
import { type DescribedResourcePolicy, resourcePolicyLines } from "./resource-policy-text.ts";
import { bullets, field } from "./table.ts";
import { type Fields, listOf, record, texts } from "./untyped-fields.ts";

/** What is known of a backup; only the marker always is. */
export interface DescribedBackup {
  readonly marker: KubeObject;
  /** Absent where Velero made it. */
  readonly manifest?:
    | {
        readonly cluster: string;
        /** Of the Backup, and of the ConfigMap that its spec names. */
        readonly namespace: string;
        readonly policy?: DescribedPolicy;
        readonly resourcePolicy?: DescribedResourcePolicy;
        readonly globalVolumePolicies?: DescribedResourcePolicy;
        readonly items: number;
        readonly resources: Readonly<Record<string, number>>;
        readonly archiveSizeBytes: number;
      }
    | undefined;
  readonly manifestSha256?: string | undefined;
  readonly results?: { readonly warnings?: DescribedGroups; readonly errors?: DescribedGroups } | undefined;
  readonly volumes?: readonly DescribedVolume[] | undefined;
  /** Only with `--details`. */
  readonly resourceList?: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface DescribedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly schedule: string;
  readonly revision?: string;
}

export interface DescribedGroups {
  readonly velero?: readonly string[];
  readonly cluster?: readonly string[];
  readonly namespaces?: Readonly<Record<string, readonly string[]>>;
}

export interface DescribedVolume {
  readonly pvcName?: string;
  readonly pvcNamespace?: string;
  readonly pvName?: string;
  readonly backupMethod?: string;
  readonly skipped?: boolean;
  readonly skippedReason?: string;
}

/** The whole description. Nothing is cut: what does not fit the width goes on in the next line. */
export function describeBackup(backup: DescribedBackup, width: number): string {
  const { marker } = backup;
  const spec = record(marker.spec);
  const status = record(marker.status);
  const sections = [
    headSection(backup, status, width),
    resultSection("Errors", backup.results?.errors, width),
    resultSection("Warnings", backup.results?.warnings, width),
    selectionSection(spec, width),
    storageSection(spec, width),
    policySection(backup, spec, width),
    hookSection(spec, status, width),
    timesSection(status, width),
    contentSection(backup, status, width),
    volumeSection(backup.volumes, width),
    listSection(backup.resourceList, width),
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function headSection({ marker, manifest, manifestSha256 }: DescribedBackup, status: Fields, width: number): string {
  const { labels, annotations } = marker.metadata;
  // these have lines of their own
  const { [MANIFEST_SHA256_ANNOTATION]: _digest, [GLOBAL_POLICY_ANNOTATION]: _global, ...told } = annotations ?? {};
  return [
    field("Name", marker.metadata.name, width),
    field(
      "Made by",
      manifestSha256 === undefined && marker.apiVersion.startsWith("velero.io/") ? "Velero" : "Holdfast",
      width,
    ),
    manifest === undefined ? "" : field("Cluster", manifest.cluster, width),
    manifest?.policy === undefined ? "" : field("Policy", policyText(manifest.policy), width),
    field("Labels", pairs(labels), width),
    field("Annotations", pairs(told), width),
    field("Phase", text(status.phase) || "<none>", width),
    field("Not begun", obstacleText(status) ?? [], width),
    field("Failure", text(status.failureReason) === "" ? [] : [text(status.failureReason)], width),
    field("Validation", texts(status.validationErrors), width),
  ].join("");
}

function resultSection(title: string, groups: DescribedGroups | undefined, width: number): string {
  const entries: (readonly [string, readonly string[]])[] = [
    ["Run", groups?.velero ?? []],
    ["Cluster", groups?.cluster ?? []],
    ...Object.entries(groups?.namespaces ?? {}),
  ];
  const lines = entries
    .filter(([, messages]) => messages.length > 0)
    .map(([group, messages]) => `  ${group}:\n${bullets(messages.map(oneMessage), width)}`);
  return lines.length === 0 ? "" : `${title}:\n${lines.join("")}`;
}

/** ` resource: /pods name: /x message: /text` as a sentence. */
function oneMessage(entry: string): string {
  return entry
    .trim()
    .replace(/\b(resource|name): \/(\S+) ?/g, "$2 ")
    .replace(/\bmessage: \//, "")
    .replace(/ error: \//, ": ");
}

function selectionSection(spec: Fields, width: number): string {
  const isOld = ["includedResources", "excludedResources", "includeClusterResources"].some(
    (name) => spec[name] !== undefined,
  );
  const list = (name: string, none: string): string => texts(spec[name]).join(", ") || none;
  return [
    field(
      "Namespaces",
      [`included ${list("includedNamespaces", "*")}`, `excluded ${list("excludedNamespaces", "<none>")}`],
      width,
    ),
    isOld
      ? field(
          "Resources",
          [
            `included ${list("includedResources", "*")}`,
            `excluded ${list("excludedResources", "<none>")}`,
            `cluster-scoped ${clusterText(spec)}`,
          ],
          width,
        )
      : field(
          "Resources",
          [
            `cluster-scoped included ${list("includedClusterScopedResources", "<default>")}`,
            `cluster-scoped excluded ${list("excludedClusterScopedResources", "<none>")}`,
            `namespaced included ${list("includedNamespaceScopedResources", "*")}`,
            `namespaced excluded ${list("excludedNamespaceScopedResources", "<none>")}`,
          ],
          width,
        ),
    field("Selector", spec.labelSelector === undefined ? "<none>" : JSON.stringify(spec.labelSelector), width),
    field(
      "Or selectors",
      listOf(spec.orLabelSelectors).map((each) => JSON.stringify(each)),
      width,
    ),
  ].join("");
}

function clusterText(spec: Fields): string {
  if (spec.includeClusterResources === undefined) return "auto";
  return spec.includeClusterResources === true ? "included" : "excluded";
}

function storageSection(spec: Fields, width: number): string {
  return [
    field("Location", text(spec.storageLocation) || "<none>", width),
    field("TTL", text(spec.ttl) || "<none>", width),
  ].join("");
}

/** What the ConfigMaps said when the backup was made; they may say something else by now, or be gone. */
function policySection({ marker, manifest }: DescribedBackup, spec: Fields, width: number): string {
  const { resourcePolicy, globalVolumePolicies } = manifest ?? {};
  const namespace = manifest?.namespace ?? marker.metadata.namespace ?? "";
  const own = text(record(spec.resourcePolicy).name);
  const global = marker.metadata.annotations?.[GLOBAL_POLICY_ANNOTATION] ?? "";
  const order = own === "" ? [] : ["What it says of volumes comes after the policy map."];
  return [
    own === "" ? "" : mapText("Policy map", { name: own, namespace, recorded: resourcePolicy, remarks: [] }, width),
    global === ""
      ? ""
      : mapText("Global map", { name: global, namespace, recorded: globalVolumePolicies, remarks: order }, width),
  ].join("");
}

interface DescribedMap {
  readonly name: string;
  /** Where it is if it was not recorded. */
  readonly namespace: string;
  readonly recorded: DescribedResourcePolicy | undefined;
  readonly remarks: readonly string[];
}

function mapText(title: string, { name, namespace, recorded, remarks }: DescribedMap, width: number): string {
  const origin = `ConfigMap ${recorded?.namespace ?? namespace}/${name}`;
  const unknown = recorded === undefined ? ["What it said is not recorded here: see what it says now."] : [];
  const head = field(title, [origin, ...remarks, ...unknown], width);
  return recorded === undefined ? head : head + resourcePolicyLines(recorded.content, width);
}

function hookSection(spec: Fields, status: Fields, width: number): string {
  const hooks = listOf(record(spec.hooks).resources).map((each) => text(record(each).name));
  const counts = record(status.hookStatus);
  const attempted = Number(counts.hooksAttempted ?? 0);
  return [
    field("Hooks", hooks.length === 0 ? "<none>" : hooks.join(", "), width),
    attempted === 0 ? "" : field("Hooks run", `${attempted}, ${Number(counts.hooksFailed ?? 0)} failed`, width),
    field(
      "Ordered",
      Object.entries(record(spec.orderedResources)).map(([kind, names]) => `${kind}: ${text(names)}`),
      width,
    ),
  ].join("");
}

function timesSection(status: Fields, width: number): string {
  return [
    field("Format", text(status.formatVersion) || "1", width),
    field("Started", text(status.startTimestamp) || "<none>", width),
    field("Completed", text(status.completionTimestamp) || "<none>", width),
    field("Expires", text(status.expiration) || (isKept(status) ? "never by age alone" : "<none>"), width),
  ].join("");
}

/** It has data, which some rule or `ttl: 0s` keeps. */
function isKept({ phase }: Fields): boolean {
  return phase === "Completed" || phase === "PartiallyFailed";
}

function contentSection({ manifest, manifestSha256 }: DescribedBackup, status: Fields, width: number): string {
  const largest = Object.entries(manifest?.resources ?? {}).sort(([, a], [, b]) => b - a);
  const shown = largest.slice(0, 6).map(([resource, count]) => `${count} ${resource}`);
  return [
    field("Items", progressText(status.progress as BackupProgress | undefined), width),
    field("Most", shown.length === 0 ? [] : [shown.join(", ") + (largest.length > 6 ? ", …" : "")], width),
    manifest === undefined ? "" : field("Archive", `${manifest.archiveSizeBytes} bytes`, width),
    manifestSha256 === undefined ? "" : field("Manifest", `sha256 ${manifestSha256}`, width),
  ].join("");
}

function volumeSection(volumes: readonly DescribedVolume[] | undefined, width: number): string {
  if (volumes === undefined || volumes.length === 0) return "";
  const without = volumes.filter((volume) => volume.skipped === true);
  const lines = volumes.map((volume) => {
    const claim = volume.pvcName === undefined ? "no claim" : `${volume.pvcNamespace}/${volume.pvcName}`;
    const state =
      volume.skipped === true
        ? `no data (${(volume.skippedReason ?? "").replace(/^any: |;$/g, "")})`
        : (volume.backupMethod ?? "");
    return `${volume.pvName ?? ""} of ${claim}: ${state}`;
  });
  const title = `Volumes: ${volumes.length}, ${without.length} without their data\n`;
  return title + bullets(lines, width);
}

function listSection(list: Readonly<Record<string, readonly string[]>> | undefined, width: number): string {
  if (list === undefined) return "";
  return `Resource list:\n${Object.entries(list)
    .map(([type, names]) => `  ${type}:\n${bullets(names, width)}`)
    .join("")}`;
}

function policyText({ namespace, name, schedule, revision }: DescribedPolicy): string {
  return `${namespace}/${name}, schedule ${schedule}${revision === undefined ? "" : `, at ${revision.slice(0, 12)}`}`;
}

function pairs(map: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(map ?? {}).map(([key, value]) => `${key}=${value}`);
}

function text(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}
