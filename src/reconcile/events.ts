import { sha256 } from "../api/digest.ts";
import type { KubeObject } from "../api/object.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded, messageOf } from "../errors.ts";
import type { Occurrence } from "../report/occurrences.ts";
import type { ReconcileDeps } from "./deps.ts";
import { FIELD_MANAGER } from "./write-status.ts";

/** Writes Kubernetes Events, so that `kubectl describe` shows what happened. */
export interface Events {
  /** Returns at once; what can't be written is logged and forgotten. */
  tell(occurrence: Occurrence): void;
  /** Gives what waits `CLOSE_MS` to be written, and takes no more. */
  close(): Promise<void>;
}

export const EVENTS = { group: "", version: "v1", resource: "events" } as const;
/** Beyond this the oldest are dropped: Events are news, and a flood of them is none. */
const MOST_WAITING = 200;
const CLOSE_MS = 5000;
/** The API server's limits. */
const LONGEST_MESSAGE = 1024;
const LONGEST_NAME = 253;

/** One writer, one Event after the other. The same thing happening again counts up the Event that is there. */
export function createEvents(deps: Pick<ReconcileDeps, "kube" | "clock" | "log">): Events {
  const waiting: Occurrence[] = [];
  let isClosed = false;
  let work: Promise<void> | undefined;

  async function drain(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await writeEvent(deps, next);
      } catch (error) {
        if (isCoded(error, "LeaseLost")) waiting.length = 0;
        deps.log.debug({ reason: next.reason, error: messageOf(error) }, "event was not written");
      }
    }
    work = undefined;
  }

  return {
    tell: (occurrence) => {
      if (isClosed) return;
      if (waiting.length >= MOST_WAITING) waiting.shift();
      waiting.push(occurrence);
      // later: whoever tells is in the middle of something
      work ??= Promise.resolve().then(drain);
    },
    close: async () => {
      isClosed = true;
      const grace = new AbortController();
      await Promise.race([work, deps.clock.sleep(CLOSE_MS, grace.signal).catch(() => {})]);
      grace.abort();
      waiting.length = 0;
    },
  };
}

async function writeEvent({ kube, clock }: Pick<ReconcileDeps, "kube" | "clock">, told: Occurrence): Promise<void> {
  const event = eventOf(told, rfc3339(clock.now()));
  const { name, namespace = "" } = event.metadata;
  try {
    await kube.create(EVENTS, event, { fieldManager: FIELD_MANAGER });
  } catch (error) {
    if (!isCoded(error, "KubeExists")) throw error;
    const before = await kube.get(EVENTS, { namespace, name });
    const count = Number((before as { readonly count?: number } | undefined)?.count ?? 0) + 1;
    const body = { count, lastTimestamp: event.lastTimestamp };
    await kube.patch(EVENTS, { namespace, name }, { type: "merge", body }, { fieldManager: FIELD_MANAGER });
  }
}

/** Its name is made of what happened, so that the same thing again is the same Event. */
function eventOf({ object, type, reason, message }: Occurrence, time: string): KubeObject {
  const { name, namespace = "default", uid, resourceVersion } = object.metadata;
  const digest = sha256(`${object.kind} ${uid} ${type} ${reason} ${message}`).slice(0, 16);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: `${name.slice(0, LONGEST_NAME - digest.length - 1)}.${digest}`, namespace },
    involvedObject: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid, resourceVersion },
    type,
    reason,
    message: message.slice(0, LONGEST_MESSAGE),
    source: { component: "holdfast" },
    reportingComponent: "holdfast",
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}
