/** What stands in the cluster at the places a restore will write to: single GETs for a few, paged LISTs for many. */
import { parseJson } from "../api/json.ts";
import type { GroupVersionResource, KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import { compareUtf8 } from "../storage/index-row.ts";

/** Up to this many objects are asked for one by one. */
const FEW = 24;
/** One LIST over everything is cheaper than one for each of more namespaces than this. */
const FEW_NAMESPACES = 12;

/** Gives the live object of each key, asked in list order; undefined: absent. */
export interface LiveObjects {
  get(key: ObjectKey): Promise<KubeObject | undefined>;
}

/** Live objects of these keys, which must be asked for in the same order: by `namespace/name`, UTF-8. */
export function liveObjects(
  kube: KubeClient,
  gvr: GroupVersionResource,
  keys: readonly ObjectKey[],
  signal: AbortSignal | undefined,
): LiveObjects {
  const get = (key: ObjectKey): Promise<KubeObject | undefined> => kube.get(gvr, key, signal);
  if (keys.length <= FEW) {
    // Not const get = …: the requests of a small batch go out together.
    const asked = new Map(keys.map((key) => [formatKey(key), lazily(() => get(key))]));
    let started = false;
    return {
      get: async (key) => {
        if (!started) for (const ask of asked.values()) ask().catch(() => undefined);
        started = true;
        return (asked.get(formatKey(key)) ?? (() => get(key)))();
      },
    };
  }
  const namespaces = [...new Set(keys.map((key) => key.namespace))];
  const scopes = namespaces.length <= FEW_NAMESPACES ? namespaces : [""];
  return mergeJoin(listed(kube, gvr, scopes, signal), get);
}

/**
 * Walks a sorted listing beside sorted questions. Where a server lists out of order (some aggregated APIs do), what was
 * not met is asked for by name.
 */
function mergeJoin(
  stream: AsyncIterator<KubeObject>,
  get: (key: ObjectKey) => Promise<KubeObject | undefined>,
): LiveObjects {
  let head: KubeObject | undefined;
  let ended = false;
  let ordered = true;
  let last = "";
  const advance = async (): Promise<void> => {
    const next = await stream.next();
    ended = next.done === true;
    head = ended ? undefined : (next.value as KubeObject);
    if (head === undefined) return;
    const name = nameOf(head);
    if (compareUtf8(name, last) < 0) ordered = false;
    last = name;
  };
  return {
    get: async (key) => {
      const wanted = formatKey(key);
      if (head === undefined && !ended) await advance();
      while (ordered && head !== undefined && compareUtf8(nameOf(head), wanted) < 0) await advance();
      if (!ordered) return await get(key);
      return head !== undefined && nameOf(head) === wanted ? head : undefined;
    },
  };
}

async function* listed(
  kube: KubeClient,
  gvr: GroupVersionResource,
  scopes: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<KubeObject> {
  for (const namespace of scopes) {
    const options = { ...(namespace === "" ? {} : { namespace }), ...(signal === undefined ? {} : { signal }) };
    try {
      for await (const page of kube.listPages(gvr, options)) {
        for (const bytes of page.items) yield withType(parseJson(bytes) as KubeObject, page.apiVersion, page.kind);
      }
    } catch (error) {
      // A namespace that does not exist lists as empty; a resource that is gone is met again at the write.
      if (!isCoded(error, "KubeNotFound")) throw error;
    }
  }
}

/** Items of a LIST of built-in kinds carry neither field. */
function withType(item: KubeObject, apiVersion: string, kind: string): KubeObject {
  return item.apiVersion === undefined || item.kind === undefined ? { ...item, apiVersion, kind } : item;
}

function nameOf(object: KubeObject): string {
  return formatKey({ namespace: object.metadata.namespace ?? "", name: object.metadata.name });
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
