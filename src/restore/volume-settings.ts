/**
 * Volumes that are provisioned anew get the reclaim policy and labels of those they stand for, as in Velero's last step
 * (velero-facts §4.7): a class makes them with its own, and a volume that was to be retained would go with its claim.
 */
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import { isAway } from "./away.ts";
import type { VolumeSettings } from "./backed-up-volumes.ts";
import { at, textAt } from "./json-path.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { ObjectRecord } from "./types.ts";

const CLAIMS = { group: "", version: "v1", resource: "persistentvolumeclaims" };
const VOLUMES = { group: "", version: "v1", resource: "persistentvolumes" };
const CLASSES = { group: "storage.k8s.io", version: "v1", resource: "storageclasses" };
const POLL_MS = 500;

/** Gathers the claims that a run creates; at its end, their volumes are set right. */
export interface VolumeSettler {
  add(record: ObjectRecord): void;
  /**
   * Waits until each is bound, but for those that wait for a pod themselves; one text for each that failed.
   * @throws {KubeUnavailable} when the API server goes away: the next attempt of the run goes on
   */
  settle(): Promise<{ readonly namespace: string; readonly message: string }[]>;
}

/** A restored claim, and what its new volume takes over. */
interface Unsettled {
  readonly claim: ObjectKey;
  readonly settings: VolumeSettings;
}

export function createVolumeSettler(session: RestoreSession): VolumeSettler {
  const claims: Unsettled[] = [];
  return {
    add: ({ resource, namespace, name, archivedAs }) => {
      if (resource !== CLAIMS.resource) return;
      const source = archivedAs?.slice(0, archivedAs.indexOf("/")) ?? namespace;
      const settings = session.facts.backedUpVolumes.settingsFor({ namespace: source, name });
      if (settings !== undefined) claims.push({ claim: { namespace, name }, settings });
    },
    settle: async () => {
      const { clock } = session.deps;
      const deadline = clock.monotonic() + session.limits.resourceTimeoutMs;
      const failed: { namespace: string; message: string }[] = [];
      for (let waiting = claims; waiting.length > 0; ) {
        const still: Unsettled[] = [];
        for (const each of waiting) {
          const problem = await settleOne(session, each);
          if (problem === WAITS && clock.monotonic() < deadline) still.push(each);
          else if (problem !== undefined)
            failed.push({ namespace: each.claim.namespace, message: failureOf(each, problem) });
        }
        waiting = still;
        if (waiting.length > 0) await clock.sleep(POLL_MS, session.request.signal);
      }
      return failed;
    },
  };
}

const WAITS = "its claim is not bound yet";

function failureOf({ claim, settings }: Unsettled, problem: string): string {
  return `fail to patch dynamic PV, err: ${problem}, PVC: ${claim.name}, PV: ${settings.volumeName}`;
}

/** Undefined when there is nothing more to do; else what is in the way. */
async function settleOne(session: RestoreSession, { claim, settings }: Unsettled): Promise<string | undefined> {
  const { kube } = session.deps;
  const { signal } = session.request;
  try {
    const live = await kube.get(CLAIMS, claim, signal);
    if (live === undefined) return undefined;
    if (textAt(live, "status", "phase") === "Pending") return (await waitsForPod(session, live)) ? undefined : WAITS;
    const volumeKey = { namespace: "", name: textAt(live, "spec", "volumeName") };
    const volume = volumeKey.name === "" ? undefined : await kube.get(VOLUMES, volumeKey, signal);
    if (volume === undefined || textAt(volume, "status", "phase") !== "Bound") return WAITS;
    const owner = {
      namespace: textAt(volume, "spec", "claimRef", "namespace"),
      name: textAt(volume, "spec", "claimRef", "name"),
    };
    if (formatKey(owner) !== formatKey(claim)) return `the volume ${volumeKey.name} is bound to ${formatKey(owner)}`;
    if (isSettled(volume, settings)) return undefined;
    const body = {
      metadata: { labels: settings.labels },
      spec: { persistentVolumeReclaimPolicy: settings.reclaimPolicy },
    };
    await kube.patch(
      VOLUMES,
      volumeKey,
      { type: "merge", body },
      { fieldManager: "holdfast", ...signalOf(session.request) },
    );
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (await isAway(session, error)) throw error;
    return messageOf(error);
  }
}

function isSettled(volume: KubeObject, { reclaimPolicy, labels }: VolumeSettings): boolean {
  return (
    textAt(volume, "spec", "persistentVolumeReclaimPolicy") === reclaimPolicy &&
    Object.entries(labels).every(([key, value]) => volume.metadata.labels?.[key] === value)
  );
}

/** A claim without a class is never provisioned; one whose class binds late waits for a pod that may never come. */
async function waitsForPod(session: RestoreSession, claim: KubeObject): Promise<boolean> {
  const name = textAt(claim, "spec", "storageClassName");
  if (name === "") return true;
  const found = await session.deps.kube.get(CLASSES, { namespace: "", name }, session.request.signal);
  return at(found, "volumeBindingMode") === "WaitForFirstConsumer";
}
