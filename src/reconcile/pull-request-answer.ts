/** Answers one pull request: one comment and two commit statuses, written only where they say something new. */
import { sha256 } from "../api/digest.ts";
import type { CommitStatus, Forge, ForgeComment, PullRequest } from "../forge/forge.ts";
import { findComment, upsertComment } from "../forge/upsert-comment.ts";
import { type PullRequestReport, planVerdict, type Verdict, validateVerdict } from "../report/pull-request.ts";
import { markerText, type PullRequestMarker, parseMarker } from "../report/pull-request-marker.ts";
import {
  outcomePage,
  outcomeText,
  type PlanAnew,
  type RestoreOutcomeLine,
  reviewedPart,
} from "../report/pull-request-outcome.ts";
import { pullRequestPage } from "../report/pull-request-page.ts";
import type { MadeReport } from "./pull-request-report.ts";

/** Forges cut or refuse longer descriptions (GitHub: 140 characters). */
const DESCRIPTION_LENGTH = 140;

/** Whose answers these are. */
export interface Answerer {
  readonly forge: Forge;
  readonly cluster: string;
  /** `namespace/name` of the source. */
  readonly source: string;
  /** First part of the names of the statuses. */
  readonly statusPrefix: string;
}

/** Puts the answer on an open pull request. One that touches nothing of ours gets statuses, and no first comment. */
export async function postAnswer(answerer: Answerer, pull: PullRequest, made: MadeReport): Promise<string> {
  const { forge } = answerer;
  const { report } = made;
  const body = pullRequestPage(report);
  const key = sha256(pullRequestPage(withoutPassing(report)));
  const isEmpty = isUntouched(report);
  const isOurs = ownMarker(answerer);
  const marker = {
    cluster: answerer.cluster,
    source: answerer.source,
    key,
    phase: "open",
    restores: made.restores,
  } as const;
  const wanted = {
    body: `${markerText(marker)}\n${body}`,
    isOurs,
    isCurrent: (standing: string) => {
      const there = parseMarker(standing);
      return there?.key === key && there.phase === "open";
    },
  };
  const skip = isEmpty && (await findComment(forge, pull.number, isOurs)) === undefined;
  const comment = skip ? undefined : await upsertComment(forge, pull.number, wanted);
  await setStatuses(answerer, pull, report, comment?.comment.url || pull.url);
  return comment?.type ?? "none";
}

/** True for a pull request that has nothing to do with this source. */
function isUntouched(report: PullRequestReport): boolean {
  return (
    report.restores.length + report.policies.length + report.others.length + report.conflicts.length === 0 &&
    report.unmergeable === undefined &&
    report.problems.length === 0
  );
}

/** What passes by itself, the next runs and the base's own commits, is no reason to write. */
function withoutPassing(report: PullRequestReport): PullRequestReport {
  return {
    ...report,
    base: { ...report.base, revision: "" },
    policies: report.policies.map((policy) => ({
      ...policy,
      schedules: policy.schedules.map((schedule) => ({ ...schedule, next: [] })),
    })),
  };
}

function ownMarker({ cluster, source }: Answerer): (body: string) => boolean {
  return (body) => {
    const marker = parseMarker(body);
    return marker?.cluster === cluster && marker.source === source;
  };
}

async function setStatuses(
  { forge, statusPrefix }: Answerer,
  pull: PullRequest,
  report: PullRequestReport,
  url: string,
): Promise<void> {
  const standing = await forge.statuses(report.head.revision);
  const verdicts: Readonly<Record<string, Verdict>> = { validate: validateVerdict(report), plan: planVerdict(report) };
  for (const [name, verdict] of Object.entries(verdicts)) {
    const context = `${statusPrefix}/${name}`;
    const description = cutDescription(verdict.description);
    const status: CommitStatus = { context, state: verdict.state, description, url };
    const there = standing.find((each) => each.context === context);
    if (there?.state === status.state && there.description === status.description) continue;
    await forge.setStatus(pull.head.revision, status);
  }
}

function cutDescription(text: string): string {
  const clean = text.replace(/\s+/g, " ");
  const points = [...clean];
  return points.length <= DESCRIPTION_LENGTH ? clean : `${points.slice(0, DESCRIPTION_LENGTH - 1).join("")}…`;
}

/** Our comment on a merged pull request that still waits for something. */
export async function unsettledComment(
  answerer: Answerer,
  number: number,
): Promise<{ readonly comment: ForgeComment; readonly marker: PullRequestMarker } | undefined> {
  const comment = await findComment(answerer.forge, number, ownMarker(answerer));
  const marker = comment === undefined ? undefined : parseMarker(comment.body);
  if (comment === undefined || marker === undefined || marker.phase === "done") return undefined;
  return { comment, marker };
}

/** Makes plans anew: the restores that wait for another digest than the reviewed one. */
export type MakeAnew = (restores: readonly string[]) => Promise<readonly PlanAnew[]>;

/** Puts what became of the restores above the plan. True when nothing more will come. */
export async function postOutcome(
  { forge }: Answerer,
  number: number,
  at: {
    readonly comment: ForgeComment;
    readonly marker: PullRequestMarker;
    readonly lines: readonly RestoreOutcomeLine[];
    readonly makeAnew: MakeAnew;
  },
): Promise<boolean> {
  const { comment, lines, makeAnew } = at;
  const { cluster } = at.marker;
  const isDone = lines.every(({ isEnded }) => isEnded);
  const phase = isDone ? "done" : "merged";
  const isTold = (key: string): boolean => at.marker.key === key && at.marker.phase === phase;
  const text = outcomeText(cluster, lines);
  if (isTold(sha256(text))) return isDone;
  const standing = comment.body.slice(comment.body.indexOf("\n") + 1);
  const plans = await makeAnew(staleRestores(lines, reviewedPart(standing)));
  // with a plan that could not be made, the next look tries again
  const key = sha256([text, ...plans.flatMap((plan) => (plan.type === "failed" ? [plan.message] : []))].join("\n"));
  if (isTold(key)) return isDone;
  const marker: PullRequestMarker = { ...at.marker, key, phase };
  const page = outcomePage(cluster, lines, { standing, plans });
  await forge.editComment(number, comment.id, `${markerText(marker)}\n${page}`);
  return isDone;
}

/** Restores that wait for a digest that nobody has seen yet. */
function staleRestores(lines: readonly RestoreOutcomeLine[], reviewed: string): string[] {
  return lines.flatMap(({ name, planDigest }) =>
    planDigest === undefined || reviewed.includes(planDigest) ? [] : [name],
  );
}
