import { apiVersionOf, type GroupVersionResource } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { ListOptions, ListPage } from "./client.ts";
import { createDeliveredKeys } from "./delivered-keys.ts";
import { untilSent } from "./dispatch.ts";
import { peekContinueToken, type ScannedList, scanList } from "./list-scanner.ts";
import type { PageMemory } from "./page-memory.ts";
import { collectionPath, listRef, withQuery } from "./paths.ts";
import { errorOf, errorOfLoss, readStatus } from "./status.ts";
import type { HttpAnswer, HttpOutcome } from "./transport.ts";

export interface PagingLimits {
  readonly listTimeoutMs: number;
  /** A page over this many bytes is given up and asked for again with fewer items. */
  readonly maxPageBytes: number;
  /** The largest answer taken at all: a page of one item. */
  readonly maxAnswerBytes: number;
  /** Where the pages of a LIST lie whose caller lets go of each before the next. */
  readonly memory: PageMemory;
}

const PAGE_ITEMS = 500;
/** Pages of large objects get fewer items, so that two of them in memory stay small. */
const WANTED_PAGE_BYTES = 6 * 1024 * 1024;
/** LISTs begun anew in one listing, after as many 410 without a token. */
const MOST_RESTARTS = 5;
/** Answers in a row that are no list, before the last one is an error. */
const MOST_GARBLED = 2;

/**
 * The pages of a LIST. The next page is on its way while the caller works on the last one, never more than one ahead.
 * A 410 in the middle goes on with the token of its answer, or else begins anew and leaves out what was delivered: no
 * object comes twice, none is lost. A page that is too large or takes too long is asked for again in smaller pieces.
 * @throws {KubeUnavailable, KubeForbidden, KubeNotFound, KubeRejected, KubeExpired} and the signal's reason
 */
export async function* listPages(
  caller: Caller,
  gvr: GroupVersionResource,
  options: ListOptions,
  limits: PagingLimits,
): AsyncGenerator<ListPage> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const pages = createPages(caller, gvr, { ...options, signal }, limits);
  try {
    for (let next: Promise<Fetched> | undefined = pages.fetch(""); next !== undefined; ) {
      const fetched: Fetched = await next;
      // Asked for before this page is cut up: the server works meanwhile.
      const following = fetched.token === "" ? undefined : pages.fetch(fetched.token);
      following?.catch(() => {}); // awaited in the next round; until then a failure waits with it
      if (following !== undefined) await untilSent();
      const list = pages.read(fetched);
      next = list === undefined ? pages.fetch(fetched.at) : following;
      if (list !== undefined) yield pageOf(gvr, list, fetched.inconsistent);
      limits.memory.give(fetched.answer.body);
    }
  } finally {
    stop.abort(new CodedError("Cancelled", { what: "list" }, "nobody reads this LIST any more"));
  }
}

/** A page as it came, with what is needed to ask for the next one. */
interface Fetched {
  readonly answer: HttpAnswer;
  /** Where it begins. */
  readonly at: string;
  /** Where the next one begins; "" at the end. */
  readonly token: string;
  /** Where the token could not be had without. */
  readonly list: ScannedList | undefined;
  /** Whether the LIST went on after a 410 on the way to this page. */
  readonly inconsistent: boolean;
}

interface Pages {
  /** Asks until there is a page. */
  fetch(token: string): Promise<Fetched>;
  /** Its items without those delivered before, to be asked for page by page in their order; undefined: fetch it again. */
  read(fetched: Fetched): ScannedList | undefined;
}

function createPages(caller: Caller, gvr: GroupVersionResource, options: ListOptions, limits: PagingLimits): Pages {
  const namespace = options.namespace ?? "";
  const ref = listRef(gvr, namespace);
  const most = options.limit ?? PAGE_ITEMS;
  const delivered = createDeliveredKeys();
  let limit = most;
  let bytes = 0;
  let restarts = 0;
  let garbled = 0;
  let expired = false;

  function ask(token: string): Promise<HttpOutcome> {
    const query = {
      limit,
      continue: token || undefined,
      labelSelector: options.labelSelector,
      fieldSelector: options.fieldSelector,
    };
    return caller.attempt({
      did: "list",
      ref,
      method: "GET",
      path: withQuery(collectionPath(gvr, namespace), query),
      repeatable: true,
      shrinkable: limit > 1,
      timeoutMs: limits.listTimeoutMs,
      maxBytes: limit > 1 ? limits.maxPageBytes : limits.maxAnswerBytes,
      expectedBytes: bytes,
      memory: options.passing === true ? limits.memory : undefined,
      signal: options.signal,
    });
  }

  /** Where to go on after a 410. */
  function resume(answer: HttpAnswer): string {
    const token = readStatus(answer).continueToken;
    if (token === undefined && ++restarts > MOST_RESTARTS) throw errorOf("list", ref, answer);
    expired = true;
    return token ?? "";
  }

  /** What a full page of `items` weighs says how many the next one may have. */
  function adapt(answer: HttpAnswer, items: number): void {
    bytes = answer.body.length;
    limit = Math.max(1, Math.min(most, limit * 2, Math.floor(WANTED_PAGE_BYTES / (bytes / items))));
  }

  /** Undefined when the answer is no list and may be a better one next time, as through a proxy that cuts answers short. */
  function scan(answer: HttpAnswer): ScannedList | undefined {
    const list = scanned(answer, ref, ++garbled > MOST_GARBLED);
    if (list !== undefined) garbled = 0;
    return list;
  }

  /** The page of one answer; undefined: ask again. */
  function take(outcome: HttpOutcome, at: string): Fetched | undefined {
    if (limit > 1 && asksTooMuch(outcome)) {
      limit = Math.max(1, Math.floor(limit / 4));
      return undefined;
    }
    if (outcome.type === "lost") throw errorOfLoss("list", ref, outcome);
    if (outcome.status !== 200) throw errorOf("list", ref, outcome);
    const peeked = peekContinueToken(outcome.body);
    const list = peeked === undefined ? scan(outcome) : undefined;
    const token = peeked ?? list?.continueToken;
    if (token === undefined) return undefined;
    if (token !== "") adapt(outcome, limit);
    return { answer: outcome, at, token, list, inconsistent: expired };
  }

  return {
    fetch: async (token) => {
      for (let at = token; ; ) {
        const outcome = await ask(at);
        if (outcome.type === "answered" && outcome.status === 410) {
          at = resume(outcome);
        } else {
          const page = take(outcome, at);
          if (page !== undefined) return page;
        }
      }
    },
    read: ({ answer, list: known }) => {
      const list = known ?? scan(answer);
      if (list === undefined) return undefined;
      const fresh = restarts === 0 ? list : without(list, delivered.has);
      delivered.add(list.items, list.continueToken);
      return fresh;
    },
  };
}

/** A page that fewer items may get through. */
function asksTooMuch(outcome: HttpOutcome): boolean {
  return outcome.type === "lost" ? outcome.why === "tooLarge" || outcome.why === "timeout" : outcome.status === 504;
}

/** Undefined when the answer is no list, unless that `isFinal`: a proxy that cuts an answer short may do better next time. */
function scanned(answer: HttpAnswer, ref: string, isFinal: boolean): ScannedList | undefined {
  try {
    return scanList(answer.body);
  } catch (error) {
    if (!isFinal) return undefined;
    const details = { ref, status: answer.status, reason: "NotAList" };
    throw new CodedError("KubeRejected", details, `cannot list ${ref}: the answer is no Kubernetes list`, {
      cause: error,
    });
  }
}

function without(list: ScannedList, isDelivered: (item: Buffer) => boolean): ScannedList {
  const kept = list.items
    .map((item, index) => ({ item, carries: list.typeMeta[index] ?? 0 }))
    .filter(({ item }) => !isDelivered(item));
  return { ...list, items: kept.map(({ item }) => item), typeMeta: Uint8Array.from(kept, ({ carries }) => carries) };
}

function pageOf(gvr: GroupVersionResource, list: ScannedList, inconsistent: boolean): ListPage {
  return {
    items: list.items,
    typeMeta: list.typeMeta,
    apiVersion: list.apiVersion || apiVersionOf(gvr),
    kind: list.kind.replace(/List$/, ""),
    resourceVersion: list.resourceVersion,
    remaining: list.remaining,
    inconsistent,
  };
}
