import { parseJson } from "../api/json.ts";
import { messageOf } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Discovery } from "./client.ts";
import {
  DISCOVERY_ACCEPT,
  isAggregated,
  type ListedGroup,
  readAggregated,
  readGroups,
  readResourceLists,
} from "./discovery-document.ts";

/** Discovery that is fetched once and kept until asked to refresh. */
export interface DiscoveryCache {
  read(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<Discovery>;
}

export function createDiscoveryCache(caller: Caller): DiscoveryCache {
  let cached: Promise<Discovery> | undefined;
  return {
    read(options = {}) {
      if (cached === undefined || options.refresh === true) {
        const fetched = discover(caller, options.signal);
        cached = fetched;
        fetched.catch(() => {
          if (cached === fetched) cached = undefined; // a failure is no knowledge: the next caller asks anew
        });
      }
      return cached;
    },
  };
}

/** Asks for the core group and for all others; two requests where the server aggregates, one for each version elsewhere. */
async function discover(caller: Caller, signal: AbortSignal | undefined): Promise<Discovery> {
  const parts = await Promise.all(["/api", "/apis"].map((root) => discoverRoot(caller, root, signal)));
  return { resources: parts.flatMap((part) => part.resources), failures: parts.flatMap((part) => part.failures) };
}

async function discoverRoot(caller: Caller, root: string, signal: AbortSignal | undefined): Promise<Discovery> {
  const fetchAt = (path: string): Promise<unknown> => fetchDocument(caller, path, signal);
  const document = await fetchAt(root);
  if (isAggregated(document)) return readAggregated(document);
  const groups = await Promise.all(
    readGroups(document).map((group) => discoverGroup(group, (version) => fetchAt(`${root}/${version}`))),
  );
  signal?.throwIfAborted();
  return { resources: groups.flatMap((group) => group.resources), failures: groups.flatMap((group) => group.failures) };
}

/** One group, version by version; a version that can't be told about is a failure, not the end. */
async function discoverGroup(
  group: ListedGroup,
  fetchVersion: (groupVersion: string) => Promise<unknown>,
): Promise<Discovery> {
  const answers = await Promise.allSettled(group.groupVersions.map(fetchVersion));
  const lists: { groupVersion: string; document: unknown }[] = [];
  const failures: { groupVersion: string; message: string }[] = [];
  for (const [index, groupVersion] of group.groupVersions.entries()) {
    const answer = answers[index];
    if (answer?.status === "fulfilled") lists.push({ groupVersion, document: answer.value });
    else failures.push({ groupVersion, message: messageOf(answer?.reason) });
  }
  return { resources: readResourceLists(group, lists), failures };
}

async function fetchDocument(caller: Caller, path: string, signal: AbortSignal | undefined): Promise<unknown> {
  // a version whose own server is dead answers 503 for good: the few seconds of `patient: false` tell it from a restart
  const patient = path === "/api" || path === "/apis";
  const answer = await caller.demand({
    did: "get",
    ref: `discovery ${path}`,
    method: "GET",
    path,
    accept: DISCOVERY_ACCEPT,
    repeatable: true,
    patient,
    signal,
  });
  return parseJson(answer.body);
}
