/** What stands in the cluster at the places a restore will write to: single GETs for a few, paged LISTs for many. */
import { sha256 } from "../api/digest.ts";
import { createContentDigester } from "../api/digest-bytes.ts";
import { parseJson } from "../api/json.ts";
import type { GroupVersionResource, KubeObject, ObjectKey, ObjectMeta } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import type { KubeClient, ListPage } from "../kube/client.ts";
import { createItemReader, parseForDeciding, parseHead } from "../kube/item-bytes.ts";
import { compareKeys, type IndexRow } from "../storage/index-row.ts";

/** Up to this many objects are asked for one by one. */
const FEW = 24;
/** So many of them at once: each beyond would open one more connection, which costs both sides more than the answer. */
const GETS_AT_ONCE = 4;
/** One LIST over everything is cheaper than one for each of more namespaces than this. */
const FEW_NAMESPACES = 12;

/** One live object as bytes; each part is read when it is asked for. */
export interface LiveObject {
  /** Without managed fields. */
  readonly metadata: ObjectMeta;
  /** True where it is what was archived, but for what a restore leaves out. */
  isAs(row: Pick<IndexRow, "length" | "sha256" | "content">): boolean;
  /** Its content digest. */
  content(): string;
  /** The whole, but for managed fields. */
  object(): KubeObject;
  /** The whole, with managed fields. */
  whole(): KubeObject;
}

/** Gives the live objects at some places, which are asked for in list order; undefined: absent. */
export interface LiveObjects {
  at(keys: readonly ObjectKey[]): Promise<(LiveObject | undefined)[]>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** Live objects of these keys, by `compareKeys`. The first requests are on their way when this returns. */
export function liveObjects(
  kube: KubeClient,
  gvr: GroupVersionResource,
  keys: readonly ObjectKey[],
  signal: AbortSignal | undefined,
): LiveObjects {
  const get = async (key: ObjectKey): Promise<LiveObject | undefined> => {
    const bytes = await kube.getBytes(gvr, key, signal);
    return bytes === undefined ? undefined : liveObject(bytes, () => bytes);
  };
  if (keys.length <= FEW) return oneByOne(keys, get);
  const namespaces = [...new Set(keys.map((key) => key.namespace))];
  const scopes = namespaces.length <= FEW_NAMESPACES ? namespaces : [""];
  return mergeJoin(listed(kube, gvr, scopes, signal), get);
}

/** Bytes as an archive holds them; asked for when something is to be read of them. */
type WholeBytes = () => Uint8Array;

const digester = createContentDigester();
/** What it answers is valid until it is asked again, and is read at once. */
const readItem = createItemReader();

function liveObject(item: Uint8Array, whole: WholeBytes, carries?: number): LiveObject {
  let object: KubeObject | undefined;
  let known: string | undefined;
  const content = (): string => {
    known ??= digester.digest(whole());
    return known;
  };
  return {
    metadata: parseHead(item, carries).metadata,
    isAs: (row) => {
      if (known !== undefined) return known === row.content;
      // Nobody wrote it since: a plain hash tells that in a fifth of the time.
      const body = whole();
      known = body.length === row.length && sha256(body) === row.sha256 ? row.content : digester.digest(body);
      return known === row.content;
    },
    content,
    object: () => {
      object ??= parseForDeciding(whole());
      return object;
    },
    whole: () => parseJson(whole()) as KubeObject,
  };
}

function oneByOne(keys: readonly ObjectKey[], get: (key: ObjectKey) => Promise<LiveObject | undefined>): LiveObjects {
  const lanes: Promise<unknown>[] = [];
  const asked = new Map<string, Promise<LiveObject | undefined>>();
  for (const [index, key] of keys.entries()) {
    const lane = lanes[index % GETS_AT_ONCE];
    const answer = lane === undefined ? get(key) : lane.then(() => get(key));
    lanes[index % GETS_AT_ONCE] = answer.catch(() => undefined); // thrown where it is awaited
    asked.set(formatKey(key), answer);
  }
  return {
    at: (wanted) => Promise.all(wanted.map((key) => asked.get(formatKey(key)) ?? get(key))),
    close: async () => {},
  };
}

/**
 * Walks a sorted listing beside sorted questions. Where a server lists out of order (some aggregated APIs do), what was
 * not met is asked for by name.
 */
function mergeJoin(
  pages: AsyncGenerator<ListPage>,
  get: (key: ObjectKey) => Promise<LiveObject | undefined>,
): LiveObjects {
  const walk = createWalk(pages);
  return {
    at: async (keys) => {
      const found: (LiveObject | undefined)[] = [];
      for (const key of keys) {
        let order = walk.compare(key);
        while (order < 0 && !walk.ended) {
          if (!walk.step()) await walk.turnPage();
          order = walk.compare(key);
        }
        found.push(walk.isOrdered ? (order === 0 ? walk.head : undefined) : await get(key));
      }
      return found;
    },
    close: () => walk.close(),
  };
}

interface Walk {
  readonly head: LiveObject | undefined;
  readonly ended: boolean;
  readonly isOrdered: boolean;
  /** Below 0: the head comes before the key, or there is none yet. */
  compare(key: ObjectKey): number;
  /** To the next item of the page; false at its end. */
  step(): boolean;
  turnPage(): Promise<void>;
  close(): Promise<void>;
}

function createWalk(pages: AsyncGenerator<ListPage>): Walk {
  let first: Promise<IteratorResult<ListPage>> | undefined = pages.next();
  first.catch(() => undefined); // thrown where it is awaited
  let page: ListPage | undefined;
  let index = 0;
  let head: LiveObject | undefined;
  let place: ObjectKey = { namespace: "", name: "" };
  let ended = false;
  let isOrdered = true;
  return {
    get head() {
      return head;
    },
    get ended() {
      return ended;
    },
    get isOrdered() {
      return isOrdered;
    },
    compare: (key) => (head === undefined ? -1 : compareKeys(place, key)),
    step: () => {
      const [from, at] = [page, index++];
      const item = from?.items[at];
      if (from === undefined || item === undefined) return false;
      head = liveObject(item, () => readItem(from, at), from.typeMeta?.[at]);
      const here = { namespace: head.metadata.namespace ?? "", name: head.metadata.name };
      if (compareKeys(here, place) < 0) isOrdered = false;
      place = here;
      return true;
    },
    turnPage: async () => {
      const answer = await (first ?? pages.next());
      first = undefined;
      ended = answer.done === true;
      page = answer.done === true ? undefined : answer.value;
      index = 0;
      if (ended) head = undefined;
    },
    close: async () => {
      await pages.return(undefined).catch(() => undefined);
    },
  };
}

async function* listed(
  kube: KubeClient,
  gvr: GroupVersionResource,
  scopes: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<ListPage> {
  for (const namespace of scopes) {
    const options = { ...(namespace === "" ? {} : { namespace }), ...(signal === undefined ? {} : { signal }) };
    try {
      yield* kube.listPages(gvr, options);
    } catch (error) {
      // A namespace that does not exist lists as empty; a resource that is gone is met again at the write.
      if (!isCoded(error, "KubeNotFound")) throw error;
    }
  }
}
