import { randomUUID } from "node:crypto";
import { PURPOSE_LABEL, SAFETY_PURPOSE } from "../api/annotations.ts";
import { setStanding } from "../api/conditions.ts";
import { restoreDefaults, SAFETY_TTL } from "../api/defaults.ts";
import type { BackupStatus } from "../api/kinds.generated.ts";
import { API_VERSION, BACKUP } from "../api/kinds.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { CodedError } from "../errors.ts";
import type { TouchedObject } from "../restore/types.ts";
import { backupRunKey, executeBackup } from "./backup-run.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { findLocation, isAvailable, isReadOnly } from "./locations.ts";
import { FIELD_MANAGER, writeStatus } from "./write-status.ts";

/** Where the backup before a restore goes, or why there is none. */
export type SafetyPlace =
  | { readonly type: "off" }
  | { readonly type: "location"; readonly location: Live<"BackupStorageLocation"> }
  | { readonly type: "missing"; readonly message: string };

/** Where a restore that runs has its safety backup. */
export type UsablePlace = Exclude<SafetyPlace, { readonly type: "missing" }>;

/** The location of `safetyBackup`, else the default one, if it can be written to now. */
export function safetyPlace(deps: ReconcileDeps, plan: Live<"RestorePlan">): SafetyPlace {
  const { safetyBackup } = restoreDefaults(plan.spec);
  if (safetyBackup.mode === "Off") return { type: "off" };
  const location = findLocation(deps, plan.metadata.namespace ?? "", safetyBackup.storageLocation);
  if (location !== undefined && isAvailable(location) && !isReadOnly(location)) return { type: "location", location };
  const why =
    location === undefined
      ? "there is no location for the safety backup"
      : `location ${location.metadata.name} can't take the safety backup: it is ${isReadOnly(location) ? "ReadOnly" : "not available"}`;
  return {
    type: "missing",
    message: `${why}; name one in safetyBackup.storageLocation, or set safetyBackup.mode: Off`,
  };
}

/** So many attempts of one run make a safety backup of their own. */
const MAX_ATTEMPTS = 20;
const MAX_NAME = 180;

/**
 * Backs up exactly the objects a restore will touch and returns the backup's name. One that an earlier attempt of the
 * same run completed is taken as it is: what stands in the cluster now is no longer what stood before.
 * @throws {BackupIncomplete} when it did not complete: nothing may be written then
 */
export async function makeSafetyBackup(
  deps: ReconcileDeps,
  how: {
    readonly plan: Live<"RestorePlan">;
    readonly run: string;
    readonly location: Live<"BackupStorageLocation">;
    readonly objects: readonly TouchedObject[];
    readonly signal: AbortSignal;
  },
): Promise<string> {
  const namespace = how.plan.metadata.namespace ?? "";
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const name = `${how.run.slice(0, MAX_NAME)}-safety${attempt === 1 ? "" : attempt}`;
    const existing = (await deps.kube.get(BACKUP, { namespace, name })) as Live<"Backup"> | undefined;
    if (existing?.status?.phase === "Completed") return name;
    if (existing !== undefined) continue;
    const ended = await runSafety(deps, how, { namespace, name });
    if (ended.status?.phase === "Completed") return name;
    throw incomplete(name, ended.status?.failureReason ?? `it is ${ended.status?.phase ?? "unfinished"}`);
  }
  throw incomplete(how.run, `${MAX_ATTEMPTS} attempts did not complete`);
}

async function runSafety(
  deps: ReconcileDeps,
  how: Parameters<typeof makeSafetyBackup>[1],
  key: ObjectKey,
): Promise<Live<"Backup">> {
  const release = deps.runs.hold(backupRunKey(key));
  try {
    const backup = await claimed(deps, how, key.name);
    const store = await deps.open.store(how.location);
    const token = backup.status?.run?.token ?? "";
    const { location, objects, signal } = how;
    return await executeBackup(deps, { backup, location, store, token, objects, signal });
  } finally {
    release();
  }
}

function incomplete(name: string, why: string): CodedError {
  return new CodedError(
    "BackupIncomplete",
    { name },
    `the safety backup ${name} did not complete, so nothing is restored: ${why}`,
  );
}

async function claimed(
  deps: ReconcileDeps,
  how: { readonly plan: Live<"RestorePlan">; readonly location: Live<"BackupStorageLocation"> },
  name: string,
): Promise<Live<"Backup">> {
  const { cluster, clusterUid, term } = deps.installation;
  const object: KubeObject = {
    apiVersion: API_VERSION,
    kind: "Backup",
    metadata: { name, namespace: how.plan.metadata.namespace ?? "", labels: { [PURPOSE_LABEL]: SAFETY_PURPOSE } },
    spec: { storageLocation: how.location.metadata.name, ttl: SAFETY_TTL },
  };
  const options = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" } as const;
  const made = (await deps.kube.create(BACKUP, object, options)) as Live<"Backup">;
  deps.hit("restore-safety-created");
  const nowMs = deps.clock.now();
  const generation = made.metadata.generation;
  const standing = { type: "reconciling", reason: "Progressing", message: "the safety backup is running" } as const;
  const status: BackupStatus = {
    phase: "InProgress",
    startTimestamp: rfc3339(nowMs),
    run: { id: name, token: randomUUID(), term, clusterUid, claimedAt: rfc3339(nowMs) },
    cluster,
    storageLocation: how.location.metadata.name,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: setStanding(undefined, standing, generation, nowMs),
  };
  const written = await writeStatus(deps.kube, BACKUP, made, status);
  deps.live.put(written);
  return written;
}
