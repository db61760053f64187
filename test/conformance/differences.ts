/**
 * Where Holdfast's restore differs from Velero's on purpose: each a rule with an id, a reason and a predicate over one
 * difference. The conformance runner applies them to any folder of recordings; none knows the name of a scenario.
 */
import { contentDigest } from "../../src/api/digest.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { compare } from "../../src/api/patch.ts";
import { stripServerFields } from "../../src/restore/strip.ts";
import type { ObjectRecord } from "../../src/restore/types.ts";
import { type Comparison, type Difference, matchesText } from "./restore-compare.ts";

export interface Rule {
  readonly id: string;
  /** What is different, in one line. */
  readonly title: string;
  /** Why it is better. */
  readonly reason: string;
  covers(difference: Difference, comparison: Comparison): boolean;
}

/** Fields that the cluster assigns or a controller owns, by kind: a restore strips them, and finds them there again. */
const ASSIGNED: Readonly<Record<string, RegExp>> = {
  Pod: /^\/spec\/(?:nodeName|priority|preemptionPolicy)$|kube-api-access-|^\/spec\/(?:volumes|(?:init)?[cC]ontainers\/\d+\/volumeMounts)\/\d+\/name$/,
  Service: /^\/spec\/(?:clusterIP|clusterIPs(?:\/\d+)?|healthCheckNodePort|ports\/\d+\/nodePort)$/,
  Job: /^\/spec\/(?:selector|template\/metadata\/labels)(?:\/matchLabels)?(?:\/(?:batch\.kubernetes\.io~1)?controller-uid)?$/,
  PersistentVolume:
    /^\/spec\/claimRef\/(?:uid|resourceVersion)$|^\/metadata\/annotations(?:\/pv\.kubernetes\.io~1bound-by-controller)?$/,
  PersistentVolumeClaim:
    /^\/spec\/volumeName$|^\/metadata\/annotations(?:\/(?:pv|volume|volume\.beta)\.kubernetes\.io~1[a-z-]+)?$/,
  Secret: /^\/data(?:\/(?:token|ca\.crt))?$|^\/metadata\/annotations\/kubernetes\.io~1service-account\.uid$/,
};

const LABELS = /^\/metadata\/labels(?:\/velero\.io~1(?:backup|restore)-name)?$/;

export const RULES: readonly Rule[] = [
  {
    id: "skipped-different",
    title: "An object that differs under `none` is `skipped` with a warning",
    reason: "Velero lists it as failed although nothing was tried; the phase says Completed in both.",
    covers: (difference, comparison) =>
      difference.type === "outcome" &&
      difference.recorded === "failed" &&
      difference.ours === "skipped" &&
      comparison.records.get(difference.object)?.reason === "ExistsDifferent",
  },
  {
    id: "assigned-fields",
    title: "What the cluster itself assigned is no difference",
    reason:
      "Node names, cluster IPs, node ports, volume bindings and uids are stripped by the restore itself. Velero then finds them missing, warns about nearly every Pod, Service and volume, and sends patches that the API server refuses or answers without a change.",
    covers: (difference, comparison) => {
      switch (difference.type) {
        case "outcome":
          return (
            difference.ours === "skipped" &&
            isUntouched(comparison.records.get(difference.object)) &&
            differsInAssignedOnly(difference.object, comparison)
          );
        case "message":
          return (
            difference.side === "recorded" &&
            recordsNamed(difference, comparison).some(
              (record) => isUntouched(record) && differsInAssignedOnly(nameOfRecord(record), comparison),
            )
          );
        case "field":
          return (
            isUntouched(comparison.records.get(difference.object)) &&
            isAssigned(difference.object, pointerOf(difference.path))
          );
        default:
          return false;
      }
    },
  },
  {
    id: "managed-fields-only",
    title: "A difference of managed fields alone is no difference",
    reason:
      "They say who wrote a field, not what it holds. Velero compares them, and warns about objects whose content is equal.",
    covers: (difference, comparison) => {
      if (difference.type === "outcome") {
        return (
          difference.ours === "skipped" &&
          isUntouched(comparison.records.get(difference.object)) &&
          sameContent(difference.object, comparison)
        );
      }
      return (
        difference.type === "message" &&
        difference.side === "recorded" &&
        difference.level === "warning" &&
        recordsNamed(difference, comparison).some(
          (record) => isUntouched(record) && sameContent(nameOfRecord(record), comparison),
        )
      );
    },
  },
  {
    id: "refused-is-partial",
    title: "A refused patch makes the phase PartiallyFailed",
    reason:
      "An object is not what the backup says. Velero's phase is Completed, and who does not read the results never learns of it.",
    covers: (difference, comparison) =>
      difference.type === "phase" &&
      difference.recorded === "Completed" &&
      difference.ours === "PartiallyFailed" &&
      comparison.outcome.errors === 0 &&
      [...comparison.records.values()].some((record) => record.outcome === "failed" && record.warnings !== undefined),
  },
  {
    id: "no-second-patch",
    title: "Managed fields are put back only where something depends on them",
    reason:
      "Velero patches every object again after creating it, and warns where a controller was faster and the object is gone. Holdfast does so only for objects with server-side appliers and Services with node ports.",
    covers: (difference, comparison) => {
      if (difference.type === "outcome")
        return (
          difference.recorded === "failed" &&
          difference.ours === "created" &&
          hasNotFoundWarning(difference.object, comparison)
        );
      return (
        difference.type === "message" &&
        difference.level === "warning" &&
        difference.side === "recorded" &&
        / not found$/.test(difference.text) &&
        recordsNamed(difference, comparison).some(({ outcome }) => outcome === "created")
      );
    },
  },
  {
    id: "never-leases",
    title: "Leases and requests are never restored",
    reason:
      "They act rather than describe: a restored Lease names a leader that may be gone, a restored request asks again for what was done long ago.",
    covers: (difference) =>
      (difference.type === "outcome" && difference.ours === undefined && isNeverRestored(difference.object)) ||
      (difference.type === "missing" && isNeverRestored(difference.object)) ||
      (difference.type === "message" &&
        difference.side === "recorded" &&
        /\bleases?\b|deletebackuprequest|downloadrequest|serverstatusrequest/i.test(difference.text)),
  },
  {
    id: "owner-references",
    title: "Owner references are linked again where the owner is restored too",
    reason: "Velero drops them, so that what an owner's deletion should take along stays behind.",
    covers: (difference, comparison) => {
      if (difference.type !== "field" || !difference.path.startsWith("/metadata/ownerReferences")) return false;
      const owners = archivedFor(difference.object, comparison)?.metadata.ownerReferences ?? [];
      return difference.recorded === undefined && owners.length > 0;
    },
  },
  {
    id: "long-names",
    title: "Names of up to 253 characters restore",
    reason:
      "Velero unpacks the archive into files named after the objects; one name of more than 250 characters and nothing at all is restored.",
    covers: (_difference, comparison) =>
      (comparison.recorded.results.results?.errors?.velero ?? []).some((text) => text.endsWith("file name too long")),
  },
  {
    id: "never-hangs",
    title: "A restore with selected namespaces never hangs on a missing CRD",
    reason:
      "The object fails, named, and the others are restored. Velero waits for ever, and every other restore behind it.",
    covers: (difference, comparison) =>
      comparison.recorded.results.phase === "InProgress" &&
      [...comparison.records.values()].some((record) => record.reason === "NotServed") &&
      difference.type !== "field",
  },
  {
    id: "hooks-by-pod",
    title: "A failing hook with on-error `Fail` drops the other hooks of its own pod only",
    reason:
      "Velero cancels the hooks of every pod that still waits, whatever they have to do with the one that failed.",
    covers: (difference) =>
      difference.type === "message" &&
      difference.side === "recorded" &&
      /^hook .* not executed: context canceled$/.test(difference.text),
  },
  {
    id: "errors-are-partial",
    title: "A restore with errors is never Completed",
    reason: "Errors of restore hooks come late; whether Velero's phase knows of them is a race.",
    covers: (difference, comparison) =>
      difference.type === "phase" &&
      difference.recorded === "Completed" &&
      difference.ours === "PartiallyFailed" &&
      comparison.outcome.errors > 0 &&
      Object.values(comparison.recorded.results.results?.errors ?? {}).length > 0,
  },
  {
    id: "refused-before",
    title: "A backup that is not in the bucket is refused before the run",
    reason: "Velero starts the restore and fails on the missing archive; here nothing is begun.",
    covers: (difference, comparison) =>
      difference.type === "phase" &&
      difference.recorded === "Failed" &&
      difference.ours === "FailedValidation" &&
      /error downloading backup/.test(failureReason(comparison)),
  },
];

/** The first rule that covers a difference. */
export function ruleFor(difference: Difference, comparison: Comparison): Rule | undefined {
  return RULES.find((rule) => rule.covers(difference, comparison));
}

function isUntouched(record: ObjectRecord | undefined): boolean {
  return record !== undefined && (record.outcome === "unchanged" || record.outcome === "labelled");
}

/** Every difference of archive and cluster is a field that the cluster assigns. */
function differsInAssignedOnly(object: string, comparison: Comparison): boolean {
  return changedPaths(object, comparison).every((path) => isAssigned(object, path));
}

/** The archived object that was restored there, wherever it came from. */
function archivedFor(object: string, { archived, records }: Comparison): KubeObject | undefined {
  const from = records.get(object)?.archivedAs;
  return archived.get(from === undefined ? object : `${object.slice(0, object.indexOf(" "))} ${from}`);
}

function changedPaths(object: string, comparison: Comparison): string[] {
  const before = archivedFor(object, comparison);
  const now = comparison.live.get(object);
  if (before === undefined || now === undefined) return ["/"];
  return compare(stripServerFields(before).object, stripServerFields(now).object).map(({ path }) => path);
}

function isAssigned(object: string, path: string): boolean {
  const kind = object.slice(0, object.indexOf(" "));
  return LABELS.test(path) || (ASSIGNED[kind]?.test(path) ?? false);
}

function sameContent(object: string, comparison: Comparison): boolean {
  const [before, now] = [archivedFor(object, comparison), comparison.live.get(object)];
  return before !== undefined && now !== undefined && contentDigest(before) === contentDigest(now);
}

function recordsNamed(
  difference: { readonly place: string; readonly name: string },
  { records }: Comparison,
): ObjectRecord[] {
  const namespace = difference.place === "cluster" ? "" : difference.place;
  return [...records.values()].filter(
    (record) => matchesText(difference.name, record.name) && record.namespace === namespace,
  );
}

function nameOfRecord({ kind, namespace, name }: ObjectRecord): string {
  return namespace === "" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function hasNotFoundWarning(object: string, { recorded }: Comparison): boolean {
  const name =
    object
      .slice(object.indexOf(" ") + 1)
      .split("/")
      .at(-1) ?? "";
  const texts = Object.values(recorded.results.results?.warnings?.namespaces ?? {}).flat();
  return texts.some((text) => text.endsWith(`"${name}" not found`));
}

const NEVER = /^(?:Lease|DeleteBackupRequest|DownloadRequest|ServerStatusRequest) /;

function isNeverRestored(object: string): boolean {
  return NEVER.test(object);
}

/** Paths of a dump use plain keys. */
function pointerOf(path: string): string {
  const [, head = "", key] = /^(\/metadata\/(?:annotations|labels))\/(.+)$/.exec(path) ?? [];
  return key === undefined ? path : `${head}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function failureReason({ recorded }: Comparison): string {
  return (recorded.results as { failureReason?: string }).failureReason ?? "";
}
