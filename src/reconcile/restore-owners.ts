import { formatKey, keyOf } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";
import { servedOwner } from "../gitops/list-owners.ts";
import { formatOwner, parseOwner } from "../gitops/owner.ts";
import type { PauseHolder } from "../gitops/pause-change.ts";
import { type PausedOwner, pauseOwners, readPriors, renewPause, resumeOwner } from "../gitops/pause-owners.ts";
import type { PausePlan } from "../gitops/pause-plan.ts";
import { type OwnerPause, ownersRecordText } from "../report/owners-record.ts";
import { restorePaths } from "../report/record-paths.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";

/** Nobody ends a pause of a living run: its deadline is moved on long before it comes. */
const DEADLINE_MS = 600_000;
const HEARTBEAT_MS = 60_000;

/** The owners that one run holds still. */
export interface OwnerLease {
  /** Pauses them; those that this run has paused before are left as they are. @throws {OwnerNotPaused, OwnerHeld} */
  hold(owners: readonly PausedOwner[]): Promise<void>;
  /** Lets all of them go on, the last paused first. What can't be resumed now is left to the sweep. */
  end(): Promise<void>;
}

/** Which run pauses, and what ends it. */
export interface LeaseOwner {
  readonly plan: Live<"RestorePlan">;
  readonly run: string;
  readonly signal: AbortSignal;
}

/** Nothing is held yet. */
export function createOwnerLease(deps: ReconcileDeps, { plan, run, signal }: LeaseOwner): OwnerLease {
  const { clock, installation } = deps;
  const log = deps.log.child({ restore: formatKey(keyOf(plan)), run });
  const beating = new AbortController();
  let held: readonly PausedOwner[] = [];
  let priors: readonly OwnerPause[] = [];
  let since = "";
  let heartbeat: Promise<void> | undefined;

  const deadline = (): string => rfc3339(clock.now() + DEADLINE_MS);

  async function beat(): Promise<void> {
    const lost = new Set<string>();
    // a run that is left to the next process is not ended here, and its heart must not keep this process alive
    const stopped = AbortSignal.any([beating.signal, signal]);
    for (;;) {
      await clock.sleep(HEARTBEAT_MS, stopped).catch(() => {});
      if (stopped.aborted) return;
      for (const owner of held) {
        const isOurs = await renewPause(deps, owner, { run, deadline: deadline() }).catch(() => true);
        if (isOurs || lost.has(formatOwner(owner))) continue;
        lost.add(formatOwner(owner));
        log.warn({ owner: formatOwner(owner) }, "somebody resumed an owner while its objects are restored");
      }
    }
  }

  function note(resumedAt?: string): void {
    if (!deps.record.isConfigured()) return;
    const text = ownersRecordText({ run, owners: priors, pausedAt: since, resumedAt });
    deps.record.addFiles(new Map([[restorePaths(keyOf(plan), run).owners, text]]));
  }

  return {
    hold: async (owners) => {
      if (owners.length === 0) return;
      priors = await readPriors(deps, owners, run);
      held = owners;
      since = rfc3339(clock.now());
      deps.paused.expect();
      note();
      if (deps.record.isConfigured()) await deps.record.push(signal);
      deps.hit("owners-recorded");
      const { cluster } = installation;
      const holder: PauseHolder = { run, plan: formatKey(keyOf(plan)), cluster, since, deadline: deadline() };
      await pauseOwners(deps, owners, holder, signal);
      log.info({ owners: owners.map(formatOwner) }, "owners are paused");
      deps.hit("owners-paused");
      heartbeat = beat();
    },
    end: async () => {
      beating.abort();
      await heartbeat;
      if (held.length === 0) return;
      deps.hit("owners-resuming");
      for (const owner of [...held].reverse()) {
        await resumeOwner(deps, owner, run).catch((error: unknown) => {
          deps.paused.expect();
          log.warn({ owner: formatOwner(owner), error: messageOf(error) }, "an owner was not resumed yet");
        });
      }
      note(rfc3339(clock.now()));
      log.info({ owners: held.map(formatOwner) }, "owners go on");
      deps.hit("owners-resumed");
    },
  };
}

/** Nothing may be written while an owner would undo it. @throws {OwnersRefused} with every reason and its remedy */
export function demandPausable({ refusals, shown }: PausePlan): void {
  if (refusals.length === 0) return;
  const owners = shown.filter(({ action }) => action === "refuse").map(({ owner }) => owner);
  throw new CodedError("OwnersRefused", { owners }, `nothing is restored: ${refusals.join("; ")}`);
}

/** The owners that a status names, as far as they are there now: one that is gone undoes nothing, and stops no run. */
export async function servedOwners(deps: ReconcileDeps, names: readonly string[]): Promise<readonly PausedOwner[]> {
  if (names.length === 0) return [];
  const discovery = await deps.kube.discovery({ refresh: true });
  const refs = names.flatMap((name) => parseOwner(name) ?? []);
  const owners: PausedOwner[] = [];
  for (const ref of refs) {
    const gvr = servedOwner(discovery, ref.kind);
    if (gvr !== undefined && (await deps.kube.get(gvr, ref)) !== undefined) owners.push({ ...ref, gvr });
  }
  return owners;
}
