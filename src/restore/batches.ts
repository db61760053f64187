/** The candidates of one resource by the version they are read and written in, and where the cluster serves none. */
import { apiVersionOf, formatKey, type GroupVersionResource, type ObjectKey } from "../api/object.ts";
import { type Candidate, candidatesOf } from "./candidates.ts";
import { type LiveObject, type LiveObjects, liveObjects } from "./live.ts";
import { type RestoreSession, servedAt, servedVersions } from "./session.ts";

/** Objects of one resource that are planned alike. */
export interface Batch {
  readonly resource: string;
  readonly gvr: GroupVersionResource;
  readonly candidates: readonly Candidate[];
  /** What stands there now, asked for in the order of the candidates. */
  readonly live: LiveObjects;
  /** Why none of them can be restored. */
  readonly unserved?: string;
}

/** One resource with a look at the cluster that has begun: it may be taken a little before its turn. */
export interface LoadedResource {
  readonly resource: string;
  readonly candidates: readonly Candidate[];
  /** To be asked for at its turn: what the cluster serves may come from the plan itself. */
  batches(): Promise<Batch[]>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

const NOTHING: LiveObjects = { at: async (keys) => keys.map(() => undefined), close: async () => {} };

/** Reads the rows and sends the first requests. */
export async function loadResource(session: RestoreSession, resource: string): Promise<LoadedResource> {
  const candidates = await candidatesOf(session, resource);
  // Namespaces are looked up by where they are mapped to.
  const byVersion = resource === "namespaces" ? [] : Map.groupBy(candidates, ({ row }) => row.version);
  const groups = [...byVersion].map(([version, group]) => {
    const served = servedAt(session.facts.discovery, resource, version);
    return { version, group, ready: served === undefined ? undefined : batchOf(session, resource, served, group) };
  });
  return {
    resource,
    candidates,
    batches: () =>
      Promise.all(
        groups.map(async ({ version, group, ready }) => ready ?? (await batchLater(session, resource, version, group))),
      ),
    close: async () => {
      for (const { ready } of groups) await ready?.live.close();
    },
  };
}

function batchOf(
  session: RestoreSession,
  resource: string,
  gvr: GroupVersionResource,
  candidates: readonly Candidate[],
): Batch {
  const isNew = ({ namespace }: ObjectKey): boolean => session.facts.newNamespaces.has(namespace);
  const keys = candidates.map(({ target }) => target).filter((key) => !isNew(key));
  const live = liveObjects(session.deps.kube, gvr, keys, session.request.signal);
  return { resource, gvr, candidates, live: exceptNew(live, isNew) };
}

/** In a namespace that this very restore makes nothing is there, whatever one on its way out still shows. */
function exceptNew(live: LiveObjects, isNew: (key: ObjectKey) => boolean): LiveObjects {
  return {
    at: async (keys) => {
      const found = await live.at(keys.filter((key) => !isNew(key)));
      let next = 0;
      return keys.map((key): LiveObject | undefined => (isNew(key) ? undefined : found[next++]));
    },
    close: () => live.close(),
  };
}

/** What was not served when the plan began: a CRD of this very plan may serve it, or the archive holds other versions. */
async function batchLater(
  session: RestoreSession,
  resource: string,
  version: string,
  candidates: readonly Candidate[],
): Promise<Batch> {
  const now = servedAt(session.facts.discovery, resource, version);
  if (now !== undefined) return batchOf(session, resource, now, candidates);
  const gvr = { ...splitResource(resource), version };
  if (session.facts.comingResources.has(resource)) return { resource, gvr, candidates, live: NOTHING };
  const other = await inServedVersion(session, resource, candidates);
  if (other !== undefined) return batchOf(session, resource, other.gvr, other.candidates);
  const versions = servedVersions(session.facts.discovery, resource).map((served) => served.version);
  const unserved =
    versions.length === 0
      ? `the cluster does not serve ${resource}: install its CRD, or restore it too (includeClusterResources: true)`
      : `archived as ${apiVersionOf(gvr)}, and the cluster serves only ${versions.join(", ")}: back up again with all versions, or restore into a cluster that serves it`;
  return { resource, gvr, candidates, live: NOTHING, unserved };
}

/** The same objects in a version the cluster does serve, where the archive holds them so. */
async function inServedVersion(
  session: RestoreSession,
  resource: string,
  candidates: readonly Candidate[],
): Promise<{ readonly gvr: GroupVersionResource; readonly candidates: readonly Candidate[] } | undefined> {
  const versions = servedVersions(session.facts.discovery, resource);
  if (versions.length === 0) return undefined;
  const wanted = new Map(candidates.map((candidate) => [formatKey(candidate.row), candidate]));
  const found = new Map<string, Candidate[]>();
  for await (const row of session.request.backup.rows(resource, {
    versions: "all",
    within: session.selection.within,
  })) {
    const candidate = wanted.get(formatKey(row));
    if (candidate === undefined || row.versionFolder === undefined) continue;
    found.set(row.version, [...(found.get(row.version) ?? []), { ...candidate, row }]);
  }
  const gvr = versions.find((served) => found.get(served.version)?.length === candidates.length);
  return gvr === undefined ? undefined : { gvr, candidates: found.get(gvr.version) ?? [] };
}

function splitResource(resource: string): { group: string; resource: string } {
  const dot = resource.indexOf(".");
  return dot < 0 ? { group: "", resource } : { group: resource.slice(dot + 1), resource: resource.slice(0, dot) };
}
