/** What a changed BackupPolicy means to the cluster as it is now. Pure. */
import { scheduleDefaults } from "../api/defaults.ts";
import { nameFilter } from "../api/include-exclude.ts";
import type { BackupPolicySpec } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import type { PolicyEffect } from "../report/pull-request.ts";
import { upcomingSlots } from "../schedule/due.ts";
import type { DocumentPair } from "./changed-documents-plan.ts";
import { type RetentionInputs, shorterRetention } from "./shorter-retention-plan.ts";

const NEXT_RUNS = 3;

/** What the effect depends on beside the two specs. */
export interface PolicyFacts {
  /** Names of all namespaces of the cluster. */
  readonly namespaces: readonly string[];
  readonly nowMs: number;
  /** When the live policy was created; undefined for a new one. */
  readonly createdMs: number | undefined;
  readonly retention: RetentionInputs;
}

/** Compares the specs of a pair of policy documents. */
export function policyEffect(pair: DocumentPair, facts: PolicyFacts): PolicyEffect {
  const [before, after] = [specOf(pair.before?.object), specOf(pair.after?.object)];
  const [was, will] = [coveredBy(before, facts.namespaces), coveredBy(after, facts.namespaces)];
  return {
    name: pair.name,
    change: pair.change,
    isSuspended: after?.suspend === true,
    schedules: after === undefined ? [] : schedulesOf(after, facts),
    covered: facts.namespaces.filter((name) => will.has(name) && !was.has(name)),
    uncovered: facts.namespaces.filter((name) => was.has(name) && !will.has(name)),
    retention: shorterRetention(before, after, facts.retention),
  };
}

function specOf(object: KubeObject | undefined): BackupPolicySpec | undefined {
  return object?.spec as BackupPolicySpec | undefined;
}

/** A suspended policy covers nothing: it makes no backup. */
function coveredBy(spec: BackupPolicySpec | undefined, namespaces: readonly string[]): ReadonlySet<string> {
  if (spec === undefined || spec.suspend === true) return new Set();
  const { includedNamespaces = [], excludedNamespaces = [] } = spec.template ?? {};
  const filter = nameFilter({ includes: includedNamespaces, excludes: excludedNamespaces });
  return new Set(namespaces.filter(filter.includes));
}

function schedulesOf(spec: BackupPolicySpec, { nowMs, createdMs }: PolicyFacts): PolicyEffect["schedules"] {
  const schedules = spec.schedules.map((schedule) => scheduleDefaults(schedule, spec));
  return schedules.map(({ name, cron, timeZone, suspend }) => {
    const slots = suspend ? [] : upcomingSlots({ cron, timeZone, createdMs: createdMs ?? nowMs, nowMs }, NEXT_RUNS);
    return { name, cron, next: slots.map(rfc3339) };
  });
}
