import { apiVersionOf, parseApiVersion } from "../api/object.ts";
import type { Discovery, ServedResource } from "./client.ts";

/** Asks for aggregated discovery, newest form first, and takes the old one from servers before 1.27. */
export const DISCOVERY_ACCEPT = [
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
  "application/json",
].join(",");

/** True when the server answered in the aggregated form. */
export function isAggregated(document: unknown): boolean {
  return record(document).kind === "APIGroupDiscoveryList";
}

/** Reads one aggregated document (`/api` or `/apis`). The first version of a group is its preferred one. */
export function readAggregated(document: unknown): Discovery {
  const resources: ServedResource[] = [];
  const failures: { groupVersion: string; message: string }[] = [];
  for (const group of records(record(document).items)) {
    const name = text(record(group.metadata).name);
    const served: ServedResource[] = [];
    for (const version of records(group.versions)) {
      const at = { group: name, version: text(version.version) };
      if (version.freshness === "Stale") {
        failures.push({
          groupVersion: apiVersionOf(at),
          message: "the aggregated API server behind it does not answer",
        });
      } else {
        for (const resource of records(version.resources)) served.push(aggregatedResource(at, resource));
      }
    }
    resources.push(...withPreferred(served, undefined));
  }
  return { resources, failures };
}

function aggregatedResource(at: { group: string; version: string }, resource: Record<string, unknown>): ServedResource {
  const kind = text(record(resource.responseKind).kind);
  return {
    ...at,
    resource: text(resource.resource),
    kind,
    singular: text(resource.singularResource) || kind.toLowerCase(),
    shortNames: texts(resource.shortNames),
    categories: texts(resource.categories),
    namespaced: resource.scope === "Namespaced",
    verbs: texts(resource.verbs),
    preferred: false,
    subresources: records(resource.subresources).map((sub) => text(sub.subresource)),
  };
}

/** A group of unaggregated discovery: its versions in the server's order, and the one it prefers. */
export interface ListedGroup {
  readonly name: string;
  readonly groupVersions: readonly string[];
  readonly preferredVersion: string;
}

/** The groups of `APIVersions` (`/api`) or `APIGroupList` (`/apis`). */
export function readGroups(document: unknown): ListedGroup[] {
  const source = record(document);
  if (source.kind === "APIVersions") {
    const versions = texts(source.versions);
    return [{ name: "", groupVersions: versions, preferredVersion: versions[0] ?? "v1" }];
  }
  return records(source.groups).map((group) => ({
    name: text(group.name),
    groupVersions: records(group.versions).map((version) => text(version.groupVersion)),
    preferredVersion: text(record(group.preferredVersion).version),
  }));
}

/** What one group serves, from the `APIResourceList` of each of its versions. */
export function readResourceLists(
  group: ListedGroup,
  lists: readonly { readonly groupVersion: string; readonly document: unknown }[],
): ServedResource[] {
  const served = lists.flatMap(({ groupVersion, document }) => {
    const listed = records(record(document).resources);
    return listed
      .filter((resource) => !text(resource.name).includes("/"))
      .map((resource) => listedResource(parseApiVersion(groupVersion), resource, listed));
  });
  return withPreferred(served, group.preferredVersion);
}

function listedResource(
  at: { group: string; version: string },
  resource: Record<string, unknown>,
  all: readonly Record<string, unknown>[],
): ServedResource {
  const name = text(resource.name);
  const below = `${name}/`;
  return {
    ...at,
    resource: name,
    kind: text(resource.kind),
    singular: text(resource.singularName) || text(resource.kind).toLowerCase(),
    shortNames: texts(resource.shortNames),
    categories: texts(resource.categories),
    namespaced: resource.namespaced === true,
    verbs: texts(resource.verbs),
    preferred: false,
    subresources: all
      .map((other) => text(other.name))
      .filter((other) => other.startsWith(below))
      .map((other) => other.slice(below.length)),
  };
}

/** Marks one version of each resource: that of the group's preference, else the first that serves it (client-go's rule). */
function withPreferred(served: readonly ServedResource[], preferredVersion: string | undefined): ServedResource[] {
  const chosen = new Map<string, string>();
  for (const { resource, version } of served) {
    if (!chosen.has(resource) || version === preferredVersion) chosen.set(resource, version);
  }
  return served.map((resource) => ({ ...resource, preferred: chosen.get(resource.resource) === resource.version }));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
