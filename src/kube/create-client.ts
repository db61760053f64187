import { parseJson } from "../api/json.ts";
import type { GroupVersionResource, KubeObject } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import { type CallObservation, createCaller } from "./caller.ts";
import type { KubeClient, ListOptions, ListPage } from "./client.ts";
import { createCredentialSource } from "./credentials.ts";
import { createDiscoveryCache } from "./discovery.ts";
import { itemWithTypeMeta } from "./item-bytes.ts";
import { type KubeConfigSource, kubeConfigReader } from "./kubeconfig.ts";
import { createLimiter } from "./limiter.ts";
import { listPages } from "./list-pages.ts";
import { createObjectVerbs } from "./objects.ts";
import { createPageMemory } from "./page-memory.ts";
import { watchResource } from "./watch.ts";

/** How hard and how long the client tries. Every field has a default. */
export interface KubeLimits {
  /** Requests in flight at once, watches aside; 32. Halved by 429, regained step by step. */
  readonly maxInFlight?: number;
  /** Requests started a second; not limited unless told. */
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  /** One request, in ms; 60 s. */
  readonly requestTimeoutMs?: number;
  /** One page of a LIST, in ms; 120 s. */
  readonly listTimeoutMs?: number;
  /** How long an outage of the server is waited out, in ms; 120 s. */
  readonly retryForMs?: number;
  /** The same before the server has answered once, in ms; 8 s. */
  readonly firstContactMs?: number;
  /** A larger page of several items is asked for again in smaller pieces, in bytes; 16 MiB. */
  readonly maxPageBytes?: number;
  /** The largest answer taken, in bytes; 128 MiB. */
  readonly maxAnswerBytes?: number;
  /** `identity` unless told: in a cluster's network the gzip of LISTs costs the API server more than it saves. */
  readonly acceptEncoding?: "identity" | "gzip";
}

export interface KubeClientOptions extends KubeConfigSource {
  readonly limits?: KubeLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** `holdfast/<version>`; the part before the slash becomes the field manager of what we write. */
  readonly userAgent?: string;
  /** Told of every HTTP exchange: metrics, request counts. */
  readonly observe?: (seen: CallObservation) => void;
}

/**
 * Connects to the API server of a kubeconfig, or of the pod we run in. Sends nothing yet.
 * @throws {KubeConfigInvalid} when there is no usable kubeconfig
 */
export async function createKubeClient(options: KubeClientOptions): Promise<KubeClient> {
  const readConfig = await kubeConfigReader(options);
  const { clock, log } = options;
  const limits = withDefaults(options.limits ?? {});
  const paging = { ...limits, memory: createPageMemory() };
  const credentials = createCredentialSource(readConfig, clock);
  const limiter = createLimiter(limits, clock);
  const caller = createCaller(
    { credentials, limiter, clock, log },
    {
      ...limits,
      userAgent: options.userAgent ?? "holdfast",
      observe: options.observe,
    },
  );
  const discovery = createDiscoveryCache(caller);
  const pages: KubeClient["listPages"] = (gvr, listOptions = {}) => listPages(caller, gvr, listOptions, paging);
  const listAll = async (gvr: GroupVersionResource, listOptions: ListOptions) => collect(pages(gvr, listOptions));
  return {
    ...createObjectVerbs(caller),
    listPages: pages,
    list: async (gvr, listOptions = {}) => (await listAll(gvr, listOptions)).objects,
    discovery: (how) => discovery.read(how),
    async exec(target, signal) {
      const { execInPod } = await import("./exec.ts");
      const result = await caller.believed(
        () => execInPod(credentials.kubeConfig(), target, signal),
        ({ type }) => type === "forbidden",
      );
      const message = "cannot start the command: the API server is not ready yet";
      return result ?? { type: "unreached", message, stdout: "", stderr: "" };
    },
    watchResource: (gvr, watchOptions, onEvent) =>
      watchResource({ caller, clock, log, listAll }, gvr, watchOptions, onEvent),
    close: credentials.close,
  };
}

function withDefaults(limits: KubeLimits) {
  return {
    maxInFlight: limits.maxInFlight ?? 32,
    requestsPerSecond: limits.requestsPerSecond,
    burst: limits.burst,
    requestTimeoutMs: limits.requestTimeoutMs ?? 60_000,
    listTimeoutMs: limits.listTimeoutMs ?? 120_000,
    retryForMs: limits.retryForMs ?? 120_000,
    firstContactMs: limits.firstContactMs ?? 8_000,
    maxPageBytes: limits.maxPageBytes ?? 16 * 1024 * 1024,
    maxAnswerBytes: limits.maxAnswerBytes ?? 128 * 1024 * 1024,
    acceptEncoding: limits.acceptEncoding ?? "identity",
  } as const;
}

async function collect(pages: AsyncIterable<ListPage>): Promise<{ objects: KubeObject[]; resourceVersion: string }> {
  const objects: KubeObject[] = [];
  let resourceVersion = "";
  for await (const page of pages) {
    resourceVersion = page.resourceVersion;
    for (let index = 0; index < page.items.length; index++)
      objects.push(parseJson(itemWithTypeMeta(page, index)) as KubeObject);
  }
  return { objects, resourceVersion };
}
