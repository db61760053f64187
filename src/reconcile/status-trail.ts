import type { Kinds } from "../api/kinds.generated.ts";
import type { KindResource } from "../api/kinds.ts";
import { type KubeObject, keyOf } from "../api/object.ts";
import { messageOf } from "../errors.ts";
import type { ReconcileDeps } from "./deps.ts";
import type { Live } from "./live-objects.ts";
import { isLostRace } from "./result.ts";
import { writeStatus } from "./write-status.ts";

type Runnable = "Backup" | "RestorePlan";
type StatusOf<K extends Runnable> = NonNullable<Kinds[K]["status"]>;

/** The status of one running object: one writer, one patch at a time. */
export interface StatusTrail<K extends Runnable> {
  /** Written when nothing else is being written; a newer one replaces one that waits, and a failure is only logged. */
  hint(change: (before: StatusOf<K>) => StatusOf<K>): void;
  /** Resolves to the object with the change in its status; a lost race is read again and repeated. */
  write(change: (before: StatusOf<K>) => StatusOf<K>): Promise<Live<K>>;
}

/** The run holds the claim, so a lost race means that metadata changed, a few times at most. */
const WRITE_ATTEMPTS = 8;

/** Follows an object whose status carries our claim. @throws {KubeConflict} from `write` when another took the claim */
export function createStatusTrail<K extends Runnable>(
  deps: ReconcileDeps,
  kind: KindResource<K>,
  claimed: Live<K>,
): StatusTrail<K> {
  const token = claimed.status?.run?.token;
  let current = claimed;
  let writes: Promise<unknown> = Promise.resolve();
  let hinted: ((before: StatusOf<K>) => StatusOf<K>) | undefined;

  async function write(change: (before: StatusOf<K>) => StatusOf<K>): Promise<Live<K>> {
    for (let attempt = 1; ; attempt++) {
      try {
        current = await writeStatus(deps.kube, kind, current, change((current.status ?? {}) as StatusOf<K>));
        deps.live.put(current);
        return current;
      } catch (error) {
        if (!isLostRace(error) || attempt >= WRITE_ATTEMPTS) throw error;
        const fresh = (await deps.kube.get(kind, keyOf(current as KubeObject))) as Live<K> | undefined;
        if (fresh === undefined || fresh.status?.run?.token !== token) throw error;
        current = fresh;
      }
    }
  }

  function enqueue<T>(work: () => Promise<T>): Promise<T> {
    const next = writes.then(work, work);
    writes = next.catch(() => {});
    return next;
  }

  return {
    write: (change) => {
      hinted = undefined;
      return enqueue(() => write(change));
    },
    hint: (change) => {
      const isWaiting = hinted !== undefined;
      hinted = change;
      if (isWaiting) return;
      enqueue(async () => {
        const latest = hinted;
        hinted = undefined;
        if (latest !== undefined) await write(latest);
      }).catch((error: unknown) => deps.log.debug({ error: messageOf(error) }, "progress was not written"));
    },
  };
}
