/**
 * Objects that a ResourceQuota counts are written one after the other in each namespace: who takes its last place must
 * not be a race. All others are written side by side.
 */
import type { GroupVersionResource, KubeObject } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { at, isRecord } from "./json-path.ts";
import { type RestoreSession, signalOf } from "./session.ts";
import type { PlannedItem } from "./types.ts";

const RESOURCE_QUOTAS: GroupVersionResource = { group: "", version: "v1", resource: "resourcequotas" };
const TAKES_ROOM: ReadonlySet<string> = new Set(["create", "recreate", "patch"]);

/** Who waits for whom in one restore. */
export interface QuotaLanes {
  /** The task, to begin when the one before it in the same lane has ended; as it is where no quota counts the object. */
  inTurn(item: PlannedItem, task: () => Promise<void>): Promise<() => Promise<void>>;
  /** A quota of this very restore counts what comes after it. */
  learn(item: PlannedItem): void;
}

/** Reads the quotas of the cluster once, at the first object. */
export function createQuotaLanes(session: RestoreSession): QuotaLanes {
  let loaded: Promise<Map<string, Set<string>>> | undefined;
  const made = new Map<string, Set<string>>();
  const lanes = new Map<string, Promise<void>>();
  const isCountedIn = async ({ entry }: PlannedItem): Promise<boolean> => {
    if (entry.namespace === "" || !TAKES_ROOM.has(entry.action)) return false;
    loaded ??= liveQuotas(session);
    const limits = [(await loaded).get(entry.namespace), made.get(entry.namespace)];
    return limits.some((names) => names !== undefined && isCounted(entry.resource, names));
  };
  return {
    inTurn: async (item, task) => {
      if (!(await isCountedIn(item))) return task;
      const lane = `${item.entry.resource} ${item.entry.namespace}`;
      return () => {
        const turn = (lanes.get(lane) ?? Promise.resolve()).then(task);
        lanes.set(
          lane,
          turn.catch(() => undefined),
        );
        return turn;
      };
    },
    learn: ({ entry, desired }) => {
      if (entry.resource === "resourcequotas" && desired !== undefined) addLimits(made, entry.namespace, desired);
    },
  };
}

async function liveQuotas(session: RestoreSession): Promise<Map<string, Set<string>>> {
  const quotas = new Map<string, Set<string>>();
  try {
    for (const quota of await session.deps.kube.list(RESOURCE_QUOTAS, signalOf(session.request)))
      addLimits(quotas, quota.metadata.namespace ?? "", quota);
  } catch (error) {
    // Without the right to look, the order is that of the answers, and the quota holds all the same.
    if (!isCoded(error, "KubeForbidden")) throw error;
  }
  return quotas;
}

function addLimits(quotas: Map<string, Set<string>>, namespace: string, quota: KubeObject): void {
  const hard = at(quota, "spec", "hard");
  const names = quotas.get(namespace) ?? new Set();
  for (const name of Object.keys(isRecord(hard) ? hard : {})) names.add(name);
  quotas.set(namespace, names);
}

const POD_LIMIT = /^(?:cpu|memory|ephemeral-storage|hugepages-.*|limits\..*|requests\.(?!storage$).*)$/;

/** Whether any of these limits of a ResourceQuota counts objects of the resource. */
export function isCounted(resource: string, limits: ReadonlySet<string>): boolean {
  if (limits.has(resource) || limits.has(`count/${resource}`)) return true;
  for (const limit of limits) {
    if (resource === "pods" && POD_LIMIT.test(limit)) return true;
    if (resource === "services" && limit.startsWith("services.")) return true;
    if (resource === "persistentvolumeclaims" && (limit === "requests.storage" || limit.includes(".storage.k8s.io/")))
      return true;
    if (resource === "resourceclaims.resource.k8s.io" && limit.includes(".resource.k8s.io/")) return true;
  }
  return false;
}
