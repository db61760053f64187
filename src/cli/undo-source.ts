/** What an undo undoes, found as the controller finds it, for the commands that look before anything runs. */
import { join } from "node:path";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Live } from "../reconcile/live-objects.ts";
import { createLookingDeps } from "../reconcile/looking-deps.ts";
import { type OpenedSource, openSource } from "../reconcile/restore-source.ts";
import { assertInstalled } from "./deps.ts";
import type { CliIo } from "./io.ts";
import { createOpenStore } from "./open-store.ts";

/**
 * Opens the records of the run and its safety backup, both from the bucket. @throws {SafetyBackupGone, RecordsGone};
 * {Usage} for a run that has not ended; {StoreUnreachable} while a location is not available
 */
export async function openPlanUndo(io: CliIo, kube: KubeClient, plan: RestorePlan): Promise<OpenedSource> {
  const { namespace, cluster = "" } = io.options();
  const unused = (): Promise<never> => Promise.reject(new Error("unused"));
  const deps = await createLookingDeps({
    kube,
    clock: io.clock,
    log: io.log,
    installation: { cluster, clusterUid: await assertInstalled(kube), namespace, term: 0 },
    open: { store: createOpenStore(kube, io.clock.monotonic), git: unused, forge: unused },
    spoolDir: join(io.config.cacheDir, "plans"),
  });
  const source = await openSource(deps, plan as unknown as Live<"RestorePlan">, undefined);
  if (!("reason" in source)) return source;
  if (source.reason === "AwaitingLocation")
    throw new CodedError("StoreUnreachable", { location: source.message }, source.message);
  throw new CodedError("Usage", { argument: "spec.source.undoOf" }, source.message);
}
