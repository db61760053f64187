/** The whole plan of a restore, object by object, with its totals and its digest. Only reads. */
import { createHash } from "node:crypto";
import { restoreDefaults } from "../api/defaults.ts";
import { canonicalJson } from "../api/json.ts";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import { CodedError } from "../errors.ts";
import { createOwnersTally, type OwnersFound, planPauses } from "../gitops/pause-plan.ts";
import { emptyTotals, type PlanEntry, type PlanSummary } from "../report/plan.ts";
import { loadResource } from "./batches.ts";
import { dryRunItem } from "./dry-run.ts";
import type { RestoreInputs } from "./inputs.ts";
import { leftOutNotes } from "./left-out.ts";
import { AHEAD, createLookAhead } from "./look-ahead.ts";
import { unmatchedNotes } from "./modifiers.ts";
import { planResource, resourcesInOrder } from "./planner.ts";
import { createSecretRedactor } from "./secret-digest.ts";
import { openSession } from "./session.ts";
import type { PlanStream, RestoreDeps, RestoreRequest } from "./types.ts";
import { restoreSpecProblems } from "./validate-spec.ts";
import { createVolumeNotes } from "./volume-notes.ts";

export { touchedBy } from "./touched.ts";

/** Actions that leave an object as it is: a live namespace changes them all day, and the digest does not see them. */
const QUIET: ReadonlySet<string> = new Set(["unchanged", "skip"]);

const HASHED_AT_ONCE = 64 * 1024;

/**
 * Plans a restore. Yields every selected object in restore order and returns the summary.
 * @throws {InvalidSpec} naming every problem of the spec
 */
export async function* planRestore(deps: RestoreDeps, request: RestoreRequest): PlanStream {
  const problems = restoreSpecProblems(request.spec, request);
  if (problems.length > 0) throw new CodedError("InvalidSpec", { fields: ["spec"] }, problems.join("; "));
  const session = await openSession(deps, request);
  const summary = summarize(request.spec, request.backup.digest, request);
  const tally = createOwnersTally();
  const volumes = createVolumeNotes();
  const redact = createSecretRedactor(deps.kube, request.signal);
  const resources = createLookAhead(await resourcesInOrder(session), (resource) => loadResource(session, resource));
  try {
    for (let next = resources.take(); next !== undefined; next = resources.take()) {
      resources.fill(AHEAD);
      for await (const window of planResource(session, await next.loaded)) {
        for (const planned of window) {
          const item = request.serverDryRun === true ? await dryRunItem(session, planned) : planned;
          const entry = await redact(item.entry);
          summary.add(entry);
          volumes.add(entry);
          tally.add(item.ownership);
          yield entry === item.entry ? item : { ...item, entry };
        }
      }
    }
  } finally {
    await resources.close();
  }
  const { facts, modifiers } = session;
  const notes = [...facts.notes, ...leftOutNotes(facts.leftOut), ...volumes.notes(), ...unmatchedNotes(modifiers)];
  const ended = summary.end(notes);
  return { ...ended, ...plannedOwners(request, tally.found) };
}

/** What becomes of the owners of what is written; nothing where nobody asked. */
export function plannedOwners(
  { owners, spec }: Pick<RestoreRequest, "owners" | "spec">,
  found: OwnersFound,
): Pick<PlanSummary, "owners"> {
  return owners === undefined ? {} : { owners: planPauses(owners, found, restoreDefaults(spec).gitOpsOwners).shown };
}

/**
 * Counts entries and digests what they will do (design §5). What the spec only refers to counts too: created objects
 * stand in the digest by name alone.
 */
export function summarize(
  spec: RestorePlanSpec,
  backupDigest: string,
  { modifierData, policyData, storageClassMapping, imageMapping }: RestoreInputs = {},
): { add(entry: PlanEntry): void; end(notes: readonly string[]): PlanSummary } {
  const { approval: _approval, ...rest } = spec;
  const inputs = canonicalJson({ modifierData, policyData, storageClassMapping, imageMapping });
  const hash = createHash("sha256");
  // A hash takes long texts much faster than short ones.
  let text = `[${canonicalJson(rest)},${JSON.stringify(backupDigest)}${inputs === "{}" ? "" : `,${inputs}`}`;
  const flush = (): void => {
    hash.update(text);
    text = "";
  };
  const totals = emptyTotals();
  const counted = { warnings: 0, removedFields: 0, undoneFields: 0 };
  return {
    add: (entry) => {
      totals[entry.action]++;
      if ((entry.warnings ?? []).length > 0 || isWarning(entry)) counted.warnings++;
      if (entry.action === "patch")
        counted.removedFields += (entry.changes ?? []).filter((change) => change.op === "remove").length;
      counted.undoneFields += (entry.changes ?? []).filter(({ undoneBy }) => undoneBy !== undefined).length;
      if (QUIET.has(entry.action)) return;
      text += `,${canonicalJson(digested(entry))}`;
      if (text.length > HASHED_AT_ONCE) flush();
    },
    end: (notes) => {
      flush();
      return { totals, ...counted, digest: hash.update("]").digest("hex"), notes };
    },
  };
}

/** A different object that stays as it is deserves a look. */
function isWarning(entry: PlanEntry): boolean {
  return entry.action === "skip" && (entry.reason === "ExistsDifferent" || entry.reason === "Collision");
}

function digested(entry: PlanEntry): unknown {
  const { resource, namespace, name, action } = entry;
  const ends = action === "recreate" || action === "delete";
  // In the order of the keys: canonical JSON then has nothing to sort.
  return {
    action,
    ...(ends && { content: entry.liveContent }),
    name,
    namespace,
    patch: (entry.changes ?? []).map(({ op, path, after }) => ({ op, path, value: after })),
    resource,
    ...(ends && { uid: entry.liveUid }),
  };
}
