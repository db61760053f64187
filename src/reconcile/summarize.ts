import { setStanding } from "../api/conditions.ts";
import type { Condition } from "../api/kinds.generated.ts";
import { CodedError, messageOf, remedyFor } from "../errors.ts";
import { DONE, type Result, reactionTo, requeue, type StepOutcome } from "./result.ts";

/** What a status gets and what the queue does next, derived together so that they never disagree. */
export interface Summary {
  readonly conditions: readonly Condition[];
  readonly result: Result;
}

export interface SummaryInput {
  readonly outcome: StepOutcome;
  /** The conditions as they stand; those of other types are kept. */
  readonly conditions: readonly Condition[] | undefined;
  readonly generation: number | undefined;
  /** ms since the epoch. */
  readonly nowMs: number;
}

/** Derives Ready, Reconciling and Stalled, and the Result, from one outcome. */
export function summarize(input: SummaryInput): Summary {
  const { outcome, conditions, generation, nowMs } = input;
  const standing = { type: STANDING[outcome.type], reason: outcome.reason, message: outcome.message } as const;
  return {
    conditions: setStanding(conditions, standing, generation, nowMs),
    result: outcome.afterMs === undefined ? DONE : requeue(outcome.afterMs),
  };
}

const STANDING = { ready: "ready", wait: "reconciling", fail: "failing", stall: "stalled" } as const;

/** The outcome that a thrown failure stands for: the code is the reason, the message has lost its credentials. */
export function outcomeOf(error: unknown, retryMs: number): StepOutcome {
  const reason = error instanceof CodedError ? error.code : "Internal";
  const type = reactionTo(error) === "stall" ? "stall" : "fail";
  const remedy = remedyFor(error);
  const message = remedy === undefined ? messageOf(error) : `${messageOf(error)}: ${remedy}`;
  return { type, reason, message, afterMs: retryMs };
}
