import { parseJson } from "../api/json.ts";
import { formatKey, type GroupVersionResource, type KubeObject, keyOf } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Caller } from "./caller.ts";
import type { WatchEvent, WatchOptions } from "./client.ts";
import { collectionPath, listRef, withQuery } from "./paths.ts";

export interface WatchDeps {
  readonly caller: Caller;
  readonly clock: Clock;
  readonly log: Logger;
  /** Everything there is, and the resourceVersion it was read at. */
  readonly listAll: (
    gvr: GroupVersionResource,
    options: WatchOptions,
  ) => Promise<{ objects: KubeObject[]; resourceVersion: string }>;
}

const RELIST_MS = 5 * 60_000;
const CONNECTION_SECONDS = 240;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 30_000;
/** Longer than any object the API server stores; a longer line is no watch event. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024;

/** Lists, watches, and lists again: see `KubeClient.watchResource`. */
export async function watchResource(
  deps: WatchDeps,
  gvr: GroupVersionResource,
  options: WatchOptions,
  onEvent: (event: WatchEvent) => void | Promise<void>,
): Promise<void> {
  const watcher = createWatcher(deps, gvr, options, onEvent);
  let failures = 0;
  while (!options.signal.aborted) {
    try {
      await watcher.relist();
      failures = 0;
      await watcher.follow();
    } catch (error) {
      if (options.signal.aborted) return;
      if (isCoded(error, "KubeForbidden") || isCoded(error, "KubeNotFound")) throw error;
      const waitMs = Math.random() * Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** failures++);
      deps.log.info(
        { watch: listRef(gvr, options.namespace ?? ""), waitMs: Math.round(waitMs), error: messageOf(error) },
        "watch begins anew",
      );
      await deps.clock.sleep(waitMs, options.signal).catch(() => {});
    }
  }
}

interface Watcher {
  /** Reads everything and tells it. */
  relist(): Promise<void>;
  /** Tells changes until the next relist is due. @throws when the connection fails or the server has forgotten our place */
  follow(): Promise<void>;
}

function createWatcher(
  deps: WatchDeps,
  gvr: GroupVersionResource,
  options: WatchOptions,
  onEvent: (event: WatchEvent) => void | Promise<void>,
): Watcher {
  const ref = listRef(gvr, options.namespace ?? "");
  /** What the consumer has been told: key to resourceVersion. */
  let known: Map<string, string> | undefined;
  let resourceVersion = "";
  let relistAt = 0;

  async function tell(event: WatchEvent): Promise<void> {
    try {
      await onEvent(event);
    } catch (error) {
      deps.log.error({ watch: ref, error }, "a watch handler failed");
    }
  }

  async function apply(line: WatchLine): Promise<void> {
    const { type, object } = line;
    if (type === "ERROR") throw expiredOr(ref, object);
    resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
    if (type === "BOOKMARK") return;
    const key = formatKey(keyOf(object));
    if (type === "DELETED") known?.delete(key);
    else known?.set(key, resourceVersion);
    await tell({ type: type === "DELETED" ? "deleted" : "changed", object });
  }

  return {
    async relist() {
      const listed = await deps.listAll(gvr, options);
      const fresh = new Map(
        listed.objects.map((object) => [formatKey(keyOf(object)), object.metadata.resourceVersion ?? ""]),
      );
      const missed = known === undefined ? 0 : differences(known, fresh);
      known = fresh;
      resourceVersion = listed.resourceVersion;
      const every = options.relistMs ?? RELIST_MS;
      relistAt = deps.clock.monotonic() + every * (0.9 + Math.random() * 0.2);
      await tell({ type: "listed", objects: listed.objects, missed });
    },
    async follow() {
      for (;;) {
        const seconds = Math.min(CONNECTION_SECONDS, Math.ceil((relistAt - deps.clock.monotonic()) / 1_000));
        if (seconds <= 0 || options.signal.aborted) return;
        const began = deps.clock.monotonic();
        for await (const line of watchLines(deps.caller, gvr, options, { resourceVersion, seconds })) await apply(line);
        // a server or a proxy that hangs up at once must not be asked in a tight loop
        if (deps.clock.monotonic() - began < 1_000) await deps.clock.sleep(1_000, options.signal);
      }
    },
  };
}

interface WatchLine {
  readonly type: string;
  readonly object: KubeObject;
}

/** The events of one connection, which the server ends after `seconds`. */
async function* watchLines(
  caller: Caller,
  gvr: GroupVersionResource,
  options: WatchOptions,
  from: { resourceVersion: string; seconds: number },
): AsyncGenerator<WatchLine> {
  const namespace = options.namespace ?? "";
  const query = {
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: from.resourceVersion,
    timeoutSeconds: from.seconds,
    labelSelector: options.labelSelector,
  };
  const { body } = await caller.stream({
    did: "watch",
    ref: listRef(gvr, namespace),
    method: "GET",
    path: withQuery(collectionPath(gvr, namespace), query),
    repeatable: true,
    timeoutMs: (from.seconds + 15) * 1_000,
    signal: options.signal,
  });
  try {
    for await (const line of linesOf(body)) yield parseJson(line) as WatchLine;
  } finally {
    body.destroy();
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...pending, chunk.subarray(start, end)]);
      pending = [];
      length = 0;
      start = end + 1;
      if (line.length > 0) yield line;
    }
    pending.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > LONGEST_LINE_BYTES) throw new RangeError("a watch event is over 16 MiB");
  }
}

function expiredOr(ref: string, status: unknown): CodedError {
  const { code, message } = status as { code?: number; message?: string };
  if (code === 410)
    return new CodedError("KubeExpired", { ref, continueToken: undefined }, `the watch of ${ref} is too far behind`);
  return new CodedError("KubeUnavailable", { ref }, `the watch of ${ref} failed: ${message ?? "no reason given"}`);
}

/** Objects that are in one map and not, or with another resourceVersion, in the other. */
function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): number {
  let count = 0;
  for (const [key, version] of after) if (before.get(key) !== version) count++;
  for (const key of before.keys()) if (!after.has(key)) count++;
  return count;
}
