/** What `holdfast doctor` found, as data and as text. */
import { textTable } from "./table.ts";

/** One owner that a restore has paused. */
export interface PausedOwnerReport {
  /** `Application argocd/shop`. */
  readonly owner: string;
  /** `namespace/name` of the RestorePlan. */
  readonly plan: string;
  readonly run: string;
  readonly cluster: string;
  /** RFC 3339, UTC. */
  readonly since: string;
  readonly deadline: string;
  /** `resumed`: this very command did it. */
  readonly state: "held" | "stale" | "resumed";
  /** Why it is paused still, or may be resumed. */
  readonly why: string;
}

/** The whole finding. */
export interface DoctorReport {
  readonly paused: readonly PausedOwnerReport[];
  /** Kinds that could not be looked at. */
  readonly unreadable: readonly string[];
}

/** The finding for a terminal, with what to do. */
export function doctorText({ paused, unreadable }: DoctorReport): string {
  const lost = unreadable.map((kind) => `can't list ${kind}: what is paused there is not shown\n`).join("");
  if (paused.length === 0) return `${lost}No Argo CD or Flux owner is paused by a restore.\n`;
  const rows = paused.map(({ owner, state, plan, since, why }) => [owner, state, plan, since, why]);
  const isStale = paused.some(({ state }) => state === "stale");
  const remedy = isStale ? "\nStale pauses are ended by the controller, or now by `holdfast doctor --resume`.\n" : "";
  return `${lost}${textTable(["OWNER", "STATE", "RESTOREPLAN", "PAUSED SINCE", "WHY"], rows)}${remedy}`;
}
