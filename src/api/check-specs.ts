/** What a schema can't say about the specs of our kinds; one function per kind, each for a spec the schema has passed. */
import { RE2JS } from "re2js";
import { backupFilterFindings, restoreFilterFindings } from "./check-filters.ts";
import { parseScheduleLine } from "./cron.ts";
import { parseDuration } from "./duration.ts";
import type {
  BackupPolicySpec,
  BackupSpec,
  BackupStorageLocationSpec,
  GitSourceSpec,
  RestorePlanSpec,
  Schedule,
} from "./kinds.generated.ts";
import type { FieldPath, Finding } from "./problem.ts";
import { timeZoneProblem } from "./time-zone.ts";

const SPEC: FieldPath = ["spec"];

/** Where an object came from, as far as its rules depend on it. */
export interface CheckContext {
  readonly name: string;
  readonly namespace: string;
  /** Holdfast's own namespace: backups of policies elsewhere have the namespace in their names. */
  readonly ownNamespace: string;
  readonly fromGit: boolean;
}

/** The longest name of a backup: names of its files stand beside it in the bucket. */
const MAX_NAME = 200;

export function backupFindings(spec: BackupSpec, context: CheckContext): Finding[] {
  return [...nameLengthFinding(context), ...backupSpecFindings(spec, SPEC)];
}

export function policyFindings(spec: BackupPolicySpec, context: CheckContext): Finding[] {
  const found: Finding[] = [];
  if (context.name.includes(".")) {
    found.push({ code: "BadName", message: "the name of a policy has no dot", path: ["metadata", "name"] });
  }
  const seen = new Map<string, number>();
  for (const [index, schedule] of spec.schedules.entries()) {
    const path = [...SPEC, "schedules", index];
    const first = seen.get(schedule.name);
    if (first !== undefined) {
      const message = `schedule "${schedule.name}" is declared twice: schedules[${first}] has the name already`;
      found.push({ code: "DuplicateSchedule", message, path: [...path, "name"] });
    }
    seen.set(schedule.name, index);
    found.push(...scheduleFindings(schedule, path), ...scheduleNameFindings(schedule, path, context));
  }
  if (spec.template !== undefined) found.push(...backupSpecFindings(spec.template, [...SPEC, "template"]));
  return found;
}

export function locationFindings(spec: BackupStorageLocationSpec): Finding[] {
  const found: Finding[] = [];
  const say = (message: string, path: FieldPath): void =>
    void found.push({ code: "InvalidValue", message, path: [...SPEC, ...path], atKey: true });
  if (spec.provider === "s3" && spec.s3 === undefined) say("provider s3 needs s3", ["provider"]);
  if (spec.provider === "s3" && spec.filesystem !== undefined) say("provider s3 takes no filesystem", ["filesystem"]);
  if (spec.provider === "filesystem" && spec.filesystem === undefined)
    say("provider filesystem needs filesystem", ["provider"]);
  if (spec.provider === "filesystem" && spec.s3 !== undefined) say("provider filesystem takes no s3", ["s3"]);
  if (spec.s3?.kmsKeyId !== undefined && spec.s3.serverSideEncryption !== "aws:kms") {
    say("kmsKeyId needs serverSideEncryption aws:kms", ["s3", "kmsKeyId"]);
  }
  return [
    ...found,
    ...durationFindings(spec.validationFrequency, [...SPEC, "validationFrequency"]),
    ...durationFindings(spec.syncPeriod, [...SPEC, "syncPeriod"]),
  ];
}

export function gitSourceFindings(spec: GitSourceSpec): Finding[] {
  const path = [...SPEC, "interval"];
  const tooShort = spec.interval !== undefined && (parseDuration(spec.interval) ?? 1000) < 1000;
  return [
    ...durationFindings(spec.interval, path),
    ...(tooShort ? [{ code: "InvalidDuration", message: "interval is at least 1s", path } as const] : []),
  ];
}

export function restorePlanFindings(spec: RestorePlanSpec, context: CheckContext): Finding[] {
  return [
    ...nameLengthFinding(context),
    ...sourceFindings(spec, context),
    ...restoreFilterFindings(spec, SPEC),
    ...nonRestorableFindings(spec),
    ...mappingFindings(spec),
    ...modifierFindings(spec),
    ...hookFindings(spec),
  ];
}

function scheduleFindings(schedule: Schedule, path: FieldPath): Finding[] {
  const found: Finding[] = [];
  const parsed = parseScheduleLine(schedule.cron);
  const at = [...path, "cron"];
  if (parsed.type === "invalid")
    found.push({ code: "InvalidCron", message: `invalid schedule: ${parsed.message}`, path: at });
  else {
    for (const message of parsed.line.warnings) found.push({ code: "InvalidCron", message, path: at, isWarning: true });
    const { zone } = parsed.line;
    if (zone !== undefined && schedule.timeZone !== undefined && zone !== schedule.timeZone) {
      const message = `the line names the zone ${zone} and timeZone says ${schedule.timeZone}`;
      found.push({ code: "InvalidTimeZone", message, path: [...path, "timeZone"], hint: "keep one of the two" });
    }
  }
  const zoneProblem = schedule.timeZone === undefined ? undefined : timeZoneProblem(schedule.timeZone);
  if (zoneProblem !== undefined)
    found.push({ code: "InvalidTimeZone", message: zoneProblem, path: [...path, "timeZone"] });
  return [
    ...found,
    ...durationFindings(schedule.ttl, [...path, "ttl"]),
    ...durationFindings(schedule.jitter, [...path, "jitter"]),
  ];
}

function scheduleNameFindings({ name }: Schedule, path: FieldPath, context: CheckContext): Finding[] {
  if (name === "manual") {
    const message = '"manual" is reserved for backups on demand';
    return [{ code: "BadName", message, path: [...path, "name"] }];
  }
  const prefix = context.namespace === context.ownNamespace ? "" : `${context.namespace}.`;
  const length = `${prefix}${context.name}-${name}-YYYYMMDDhhmmss`.length;
  if (length <= MAX_NAME) return [];
  const message = `backups of schedule "${name}" would have names of ${length} characters; ${MAX_NAME} are the most`;
  return [{ code: "NameTooLong", message, path: ["metadata", "name"], hint: "shorten the policy's name" }];
}

function backupSpecFindings(spec: BackupSpec, at: FieldPath): Finding[] {
  const volumes = (["snapshotVolumes", "defaultVolumesToFsBackup", "snapshotMoveData"] as const)
    .filter((field) => spec[field] === true)
    .map(
      (field): Finding => ({
        code: "NotSupported",
        message: `${field}: true asks for volume data, and Holdfast copies none yet`,
        path: [...at, field],
        hint: "leave it out; objects are backed up without it",
      }),
    );
  const hooks = (spec.hooks?.resources ?? []).flatMap((resource, index) =>
    hookResourceFindings(resource.includedResources, [...at, "hooks", "resources", index, "includedResources"]),
  );
  return [...backupFilterFindings(spec, at), ...durationFindings(spec.ttl, [...at, "ttl"]), ...volumes, ...hooks];
}

/** The pattern lets through what Go's 64 bits of nanoseconds do not hold. */
function durationFindings(text: string | undefined, path: FieldPath): Finding[] {
  if (text === undefined || parseDuration(text) !== undefined) return [];
  return [
    {
      code: "InvalidDuration",
      message: `${text} is longer than a duration can be (about 292 years)`,
      path,
      hint: "0s keeps for ever",
    },
  ];
}

function nameLengthFinding({ name }: CheckContext): Finding[] {
  if (name.length <= MAX_NAME) return [];
  return [
    {
      code: "NameTooLong",
      message: `the name has ${name.length} characters; ${MAX_NAME} are the most`,
      path: ["metadata", "name"],
    },
  ];
}

const UNDO_FIELDS = [
  { field: "force", code: "ForceWithoutUndo" },
  { field: "createdOnly", code: "CreatedOnlyWithoutUndo" },
] as const;

function sourceFindings({ source, approval }: RestorePlanSpec, { fromGit }: CheckContext): Finding[] {
  const path = [...SPEC, "source"];
  const given = [source.backupName, source.policy, source.undoOf].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const message = "exactly one of source.backupName, source.policy and source.undoOf must be given";
    return [{ code: "ManySources", message, path, atKey: true }];
  }
  if (source.undoOf === undefined) {
    for (const { field, code } of UNDO_FIELDS) {
      if (source[field] === undefined) continue;
      const message = `source.${field} is for an undo: give source.undoOf`;
      return [{ code, message, path: [...path, field], atKey: true }];
    }
  }
  const needsAsOf =
    fromGit && source.policy !== undefined && source.policy.asOf === undefined && approval?.mode !== "PlanDigest";
  if (!needsAsOf) return [];
  const message = "source.policy needs asOf: what was reviewed must be what runs";
  const hint = "`holdfast plan --write` pins it; `asOf: AtMerge` takes the newest backup when the plan is merged";
  return [{ code: "AsOfMissing", message, path: [...path, "policy"], atKey: true, hint }];
}

/** Kinds that no restore writes (velero-facts §4.2). */
const NON_RESTORABLE = [
  "nodes",
  "events",
  "events.events.k8s.io",
  "backups.velero.io",
  "restores.velero.io",
  "resticrepositories.velero.io",
  "csinodes.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
  "backuprepositories.velero.io",
];

function nonRestorableFindings({ includedResources = [] }: RestorePlanSpec): Finding[] {
  return includedResources
    .map((name, index) => ({ name, index }))
    .filter(({ name }) => NON_RESTORABLE.includes(name))
    .map(({ name, index }) => ({
      code: "InvalidFilter",
      message: `${name} are non-restorable resources`,
      path: [...SPEC, "includedResources", index],
    }));
}

function mappingFindings({ namespaceMapping = {} }: RestorePlanSpec): Finding[] {
  return Object.keys(namespaceMapping)
    .filter((name) => !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name))
    .map((name) => ({
      code: "InvalidMapping",
      message: `namespaceMapping takes names, not patterns: "${name}"`,
      path: [...SPEC, "namespaceMapping", name],
      atKey: true,
      hint: "write one line per namespace",
    }));
}

function modifierFindings({ modifiers = [] }: RestorePlanSpec): Finding[] {
  return modifiers.flatMap((rule, index): Finding[] => {
    const path = [...SPEC, "modifiers", index];
    const found: Finding[] = [];
    const kinds = [rule.patches, rule.mergePatches, rule.strategicPatches].filter((patches) => patches !== undefined);
    if (kinds.length !== 1) {
      const message = "exactly one of patches, mergePatches and strategicPatches must be given";
      found.push({ code: "InvalidModifier", message, path });
    }
    const { resourceNameRegex } = rule.conditions;
    const problem = resourceNameRegex === undefined ? undefined : regexProblem(resourceNameRegex);
    if (problem !== undefined) {
      const message = `resourceNameRegex can't be read: ${problem}`;
      found.push({ code: "InvalidModifier", message, path: [...path, "conditions", "resourceNameRegex"] });
    }
    for (const [place, patch] of (rule.patches ?? []).entries()) {
      if ((patch.operation === "move" || patch.operation === "copy") && (patch.from ?? "") === "") {
        found.push({
          code: "InvalidModifier",
          message: `${patch.operation} needs from`,
          path: [...path, "patches", place],
        });
      }
    }
    return found;
  });
}

function hookFindings({ hooks }: RestorePlanSpec): Finding[] {
  return (hooks?.resources ?? []).flatMap((resource, index) => {
    const path = [...SPEC, "hooks", "resources", index];
    const either = (resource.postHooks ?? []).flatMap((hook, place): Finding[] =>
      (hook.init === undefined) === (hook.exec === undefined)
        ? [
            {
              code: "InvalidValue",
              message: "exactly one of init and exec must be given",
              path: [...path, "postHooks", place],
            },
          ]
        : [],
    );
    return [...hookResourceFindings(resource.includedResources, [...path, "includedResources"]), ...either];
  });
}

function hookResourceFindings(resources: readonly string[] | undefined, path: FieldPath): Finding[] {
  const others = (resources ?? []).filter((name) => !["pods", "pod", "po", "*"].includes(name));
  if (others.length === 0) return [];
  return [{ code: "NotSupported", message: `hooks run in pods only, not in ${others.join(", ")}`, path }];
}

function regexProblem(expression: string): string | undefined {
  try {
    RE2JS.compile(expression);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
