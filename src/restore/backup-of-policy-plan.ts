/** Which backup a `source.policy` means: one answer for the plan that is looked at and the restore that runs. */
import { PURPOSE_LABEL } from "../api/annotations.ts";
import type { Backup, RestorePlanSpec } from "../api/kinds.generated.ts";

export interface PolicySource {
  readonly policy: NonNullable<RestorePlanSpec["source"]["policy"]>;
  /** Of the RestorePlan, and so of its policy. */
  readonly namespace: string;
  /** ms since the epoch: what `AtMerge`, or no `asOf`, stands for. A plan not yet in the cluster: now. */
  readonly mergedMs: number;
}

/** The newest good backup of the policy that had begun by `asOf`; undefined when there is none. */
export function backupOfPolicy<T extends Pick<Backup, "metadata" | "status">>(
  backups: readonly T[],
  { policy, namespace, mergedMs }: PolicySource,
): T | undefined {
  const { asOf } = policy;
  const latestMs = asOf === undefined || asOf === "AtMerge" ? mergedMs : Date.parse(asOf);
  const good = backups.filter(({ metadata, status }) => {
    const labels = metadata.labels as Readonly<Record<string, string>> | undefined;
    if (labels?.[PURPOSE_LABEL] !== undefined) return false;
    const { phase, policy: made } = status ?? {};
    if (phase !== "Completed" && !(policy.allowPartiallyFailed === true && phase === "PartiallyFailed")) return false;
    if (made?.name !== policy.name || (made.namespace ?? metadata.namespace) !== namespace) return false;
    if (policy.schedule !== undefined && made.schedule !== policy.schedule) return false;
    return begunMs(status) <= latestMs;
  });
  return good.sort((a, b) => begunMs(b.status) - begunMs(a.status))[0];
}

/** A backup without its time was never begun for us. */
function begunMs(status: Backup["status"] | undefined): number {
  const ms = Date.parse(status?.startTimestamp ?? "");
  return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
}
