/** A plan for programs, as `schemas/plan-output.schema.json` describes it. */
import { stringifyJson } from "../api/json.ts";
import type { PlanEntry, PlanHeader, PlanSummary } from "./plan.ts";
import { redactEntry } from "./plan-redact.ts";

/** Goes up when a field changes its meaning or goes away. */
export const PLAN_OUTPUT_VERSION = 1;

/** Prints one JSON document in pieces, so that a plan of many objects is never held whole. */
export interface PlanJsonRenderer {
  header(header: PlanHeader): string;
  entry(entry: PlanEntry): string;
  end(summary: PlanSummary): string;
}

/** Starts the document: `{"version":1,"plan":{…},"objects":[…],"summary":{…}}`. Values of Secrets are digests. */
export function createPlanJsonRenderer(): PlanJsonRenderer {
  let first = true;
  return {
    header: (header) => `{"version":${PLAN_OUTPUT_VERSION},"plan":${stringifyJson(header)},"objects":[`,
    entry: (entry) => {
      const separator = first ? "\n" : ",\n";
      first = false;
      return separator + stringifyJson(redactEntry(entry));
    },
    end: (summary) => `${first ? "" : "\n"}],"summary":${stringifyJson(summary)}}\n`,
  };
}
