/**
 * Where Holdfast's restore differs from Velero's on purpose: each a rule with an id, a reason and a predicate over one
 * difference. The conformance runner applies them to any folder of recordings; none knows the name of a scenario.
 */
import type { Comparison, Difference } from "./restore-compare.ts";

export interface Rule {
  readonly id: string;
  /** What is different, in one line. */
  readonly title: string;
  /** Why it is better. */
  readonly reason: string;
  covers(difference: Difference, comparison: Comparison): boolean;
}

export const RULES: readonly Rule[] = [];

/** The first rule that covers a difference. */
export function ruleFor(difference: Difference, comparison: Comparison): Rule | undefined {
  return RULES.find((rule) => rule.covers(difference, comparison));
}
