/**
 * Where Holdfast's restore differs from Velero's on purpose: each a rule with an id, a reason and a predicate over one
 * difference. The conformance runner applies them to any folder of recordings; none knows the name of a scenario.
 */
import { contentDigest } from "../../src/api/digest.ts";
import { canonicalJson } from "../../src/api/json.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { valueAt } from "../../src/api/patch.ts";
import type { ObjectRecord } from "../../src/restore/types.ts";
import { changesBetween, changesOf, isAssigned, type Pair } from "./assigned-fields.ts";
import { isFault, isOfNothingDone, type RefusedSpec } from "./refused-spec.ts";
import {
  type Comparison,
  type Difference,
  type FieldDifference,
  matchesText,
  nameOfObject,
} from "./restore-compare.ts";

export interface Rule {
  readonly id: string;
  /** What is different, in one line. */
  readonly title: string;
  /** Why it is better. */
  readonly reason: string;
  covers(difference: Difference, comparison: Comparison): boolean;
}

const VELERO_REFUSED = /^(?:FailedValidation|RejectedByApiServer)$/;

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
            difference.level === "warning" &&
            /already exists\. Warning: the in-cluster version is different|is invalid:/.test(difference.text) &&
            recordsNamed(difference, comparison).some(
              (record) => isUntouched(record) && differsInAssignedOnly(nameOfRecord(record), comparison),
            )
          );
        case "field": {
          const pair = pairOf(difference.object, comparison);
          return (
            pair !== undefined &&
            isWritten(comparison.records.get(difference.object)) &&
            changesBetween(difference.recorded, difference.ours, pointerOf(difference.path)).every((change) =>
              isAssigned(change, pair),
            )
          );
        }
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
    id: "patched-where-refused",
    title: "An update writes what differs, and is not refused for what does not",
    reason:
      "Velero's patch of a Pod or Job also clears what the cluster assigned, is refused for it, and leaves the object as it was.",
    covers: (difference, comparison) => {
      switch (difference.type) {
        case "outcome":
          return (
            difference.recorded === "failed" &&
            difference.ours === "updated" &&
            isPatched(difference.object, comparison)
          );
        case "message":
          return (
            difference.side === "recorded" &&
            difference.level === "warning" &&
            /is invalid:/.test(difference.text) &&
            recordsNamed(difference, comparison).some((record) => isWritten(record))
          );
        case "field":
          return (
            isWritten(comparison.records.get(difference.object)) &&
            ["Pod", "Job"].includes(kindOf(difference.object)) &&
            isAsArchived(difference, comparison)
          );
        default:
          return false;
      }
    },
  },
  {
    id: "labels-are-texts",
    title: "A modifier that makes a label or annotation something else than a text fails the object",
    reason: "Velero then drops all labels of the object without a word.",
    covers: (difference, { records }) => {
      const isBroken = ({ message = "", outcome }: ObjectRecord): boolean =>
        outcome === "failed" && /ObjectMeta\.metadata\.(?:labels|annotations) of type string/.test(message);
      if (difference.type === "message")
        return isBroken({ outcome: "failed", message: difference.text } as ObjectRecord);
      const record = "object" in difference ? records.get(difference.object) : undefined;
      return record !== undefined && isBroken(record);
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
    id: "unmatched-modifier",
    title: "A resource modifier that matches no object is a warning",
    reason: "Velero says nothing, and whoever misspelt a resource finds out when the objects are wrong.",
    covers: (difference) =>
      difference.type === "message" &&
      difference.side === "ours" &&
      difference.level === "warning" &&
      /^resource modifier rule \d+ matched no object$/.test(difference.text),
  },
  {
    id: "refused-spec",
    title: "A spec that can't do what it says is refused",
    reason:
      "Velero takes namespace patterns and names that match nothing, selectors that it fails on in the middle of the run, and modifiers of another kind than a ConfigMap; the restore of nothing is then Completed.",
    covers: (difference, { outcome, recorded }) => {
      const refused = outcome.phase === "FailedValidation" ? (outcome.validationErrors ?? []) : [];
      return (
        !VELERO_REFUSED.test(recorded.results.phase ?? "") &&
        refused.length > 0 &&
        refused.every((problem) => isFault(problem, recorded.spec as RefusedSpec)) &&
        isOfNothingDone(difference)
      );
    },
  },
  {
    id: "idle-filter",
    title: "A filter of a policy that does nothing is a warning",
    reason: "Velero says it in its log alone, among all that it says there.",
    covers: (difference) =>
      difference.type === "message" &&
      difference.side === "ours" &&
      difference.level === "warning" &&
      /^resourcePolicy: /.test(difference.text),
  },
  {
    id: "ambiguous-policy",
    title: "A policy whose filters name one resource twice fails the restore",
    reason: "Velero restores nothing either, and calls it PartiallyFailed.",
    covers: (difference, { outcome, recorded }) =>
      recorded.results.phase === "PartiallyFailed" &&
      / ambiguous policy: /.test(outcome.failureReason ?? "") &&
      (difference.type === "phase" || (difference.type === "message" && /\bambiguous policy\b/.test(difference.text))),
  },
  {
    id: "filter-of-one-group",
    title: "A policy's filter for a kind that is served is for that resource alone",
    reason:
      "Velero documents it, and its code applies the filter to every group that has a kind of that name, of namespaced kinds only where a filter for all others, or for one that is not served, stands beside it.",
    covers: (difference, { archived, recorded }) =>
      recorded.spec.resourcePolicy !== undefined &&
      (difference.type === "outcome" || difference.type === "missing" || difference.type === "extra") &&
      isOfManyGroups(difference.object, archived),
  },
  {
    id: "more-policies",
    title: "`recreate` and `fail` are policies for existing objects too",
    reason: "Velero knows `none` and `update`, and refuses a spec with any other.",
    covers: (_difference, { outcome, recorded }) =>
      /^(?:recreate|fail)$/.test(String(recorded.spec.existingResourcePolicy ?? "")) &&
      VELERO_REFUSED.test(recorded.results.phase ?? "") &&
      outcome.phase !== "FailedValidation",
  },
  {
    id: "one-place",
    title: "Of objects that a mapping brings to one place, it is told which stays",
    reason:
      "Velero restores the one of whichever namespace it meets first, and drops the other without a word. Here the first namespace's stays under `none`, the last one's under `update`, service accounts are merged, and the others are named in a warning.",
    covers: (difference, comparison) => {
      if (difference.type === "message")
        return (
          difference.side === "ours" &&
          difference.level === "warning" &&
          recordsNamed(difference, comparison).some((record) => isMetByAnother(nameOfRecord(record), comparison))
        );
      return (
        (difference.type === "outcome" || difference.type === "field") && isMetByAnother(difference.object, comparison)
      );
    },
  },
  {
    id: "missing-where-needed",
    title: "A missing related object is a warning of the namespace that is restored into",
    reason:
      "Under a namespace mapping Velero notes it for the namespace that the backup was made of, where nobody looks who restored into another.",
    covers: (difference, { recorded }) => {
      if (difference.type !== "message" || difference.level !== "warning") return false;
      const mapping = Object.entries((recorded.spec.namespaceMapping ?? {}) as Readonly<Record<string, string>>);
      return difference.side === "recorded"
        ? /^stat <extract-dir>/.test(difference.text) && mapping.some(([from]) => from === difference.place)
        : / needs, is not in the backup$/.test(difference.text) && mapping.some(([, to]) => to === difference.place);
    },
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

/** The archive holds the object's kind in more than one group. */
function isOfManyGroups(object: string, archived: ReadonlyMap<string, KubeObject>): boolean {
  const kind = object.slice(0, object.indexOf(" "));
  const same = [...archived.values()].filter((each) => each.kind === kind);
  return new Set(same.map(({ apiVersion }) => apiVersion.replace(/\/?[^/]*$/, ""))).size > 1;
}

/** The first rule that covers a difference. */
export function ruleFor(difference: Difference, comparison: Comparison): Rule | undefined {
  return RULES.find((rule) => rule.covers(difference, comparison));
}

function isPatched(object: string, { records }: Comparison): boolean {
  return records.get(object)?.outcome === "patched";
}

/** What stands there is what the backup holds. */
function isAsArchived({ object, path, ours }: FieldDifference, comparison: Comparison): boolean {
  const archived = archivedFor(object, comparison);
  return (
    archived !== undefined && canonicalJson(valueAt(archived, pointerOf(path)) ?? null) === canonicalJson(ours ?? null)
  );
}

function isWritten(record: ObjectRecord | undefined): boolean {
  return isUntouched(record) || record?.outcome === "patched";
}

/** Archived objects of more than one namespace are mapped to where this one stands. */
function isMetByAnother(object: string, comparison: Comparison): boolean {
  const all = [...comparison.archived.values()];
  return all.filter((each) => nameOfObject(moved(each, comparison)) === object).length > 1;
}

function isUntouched(record: ObjectRecord | undefined): boolean {
  return record !== undefined && (record.outcome === "unchanged" || record.outcome === "labelled");
}

/** Archive and cluster differ, and only in what the cluster assigns. */
function differsInAssignedOnly(object: string, comparison: Comparison): boolean {
  const pair = pairOf(object, comparison);
  if (pair === undefined) return false;
  const changes = changesOf(pair);
  // The archive does not show what a modifier made of the rest: that the restore found nothing to write has to do.
  return comparison.recorded.spec.resourceModifier === undefined
    ? changes.length > 0 && changes.every((change) => isAssigned(change, pair))
    : changes.some((change) => isAssigned(change, pair));
}

function pairOf(object: string, comparison: Comparison): Pair | undefined {
  const [archived, live] = [archivedFor(object, comparison), comparison.live.get(object)];
  if (archived === undefined || live === undefined) return undefined;
  return { archived: moved(archived, comparison), live, comparison };
}

/** The archived object that was restored there, wherever it came from. */
function archivedFor(object: string, { archived, records }: Comparison): KubeObject | undefined {
  const from = records.get(object)?.archivedAs;
  return archived.get(from === undefined ? object : `${object.slice(0, object.indexOf(" "))} ${from}`);
}

/** The object as it stands under the restore's namespace mapping. */
function moved(object: KubeObject, { recorded }: Comparison): KubeObject {
  const mapping = (recorded.spec.namespaceMapping ?? {}) as Readonly<Record<string, string>>;
  const copy = structuredClone(object);
  const claim = (copy.spec as { claimRef?: { namespace?: string } } | undefined)?.claimRef;
  for (const place of [copy.metadata, copy.kind === "PersistentVolume" ? claim : undefined])
    if (place?.namespace !== undefined) place.namespace = mapping[place.namespace] ?? place.namespace;
  return copy;
}

function kindOf(object: string): string {
  return object.slice(0, object.indexOf(" "));
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
