import { groupResource } from "../api/object.ts";
import { type ResolveResource, resourceResolver } from "../api/resource-name.ts";
import type { Discovery, ServedResource } from "./client.ts";

const resolvers = new WeakMap<Discovery, ResolveResource>();

/**
 * The served resource that a person means: plural, singular, short name or kind, in any case, alone, with its group
 * (`deployments.apps`) or with version and group (`deployments.v1.apps`). Without a version the preferred one is meant.
 * Undefined when nothing served has that name. Pure; names resolve as Velero's do (`api/resource-name.ts`).
 */
export function resolveResource(discovery: Discovery, text: string): ServedResource | undefined {
  return resolveUnversioned(discovery, text) ?? resolveVersioned(discovery, text);
}

function resolveUnversioned(discovery: Discovery, text: string): ServedResource | undefined {
  const versions = versionsOf(discovery, text);
  return versions.find((resource) => resource.preferred) ?? versions[0];
}

function resolveVersioned(discovery: Discovery, text: string): ServedResource | undefined {
  const [name = "", version = "", ...group] = text.split(".");
  const unversioned = group.length === 0 ? name : `${name}.${group.join(".")}`;
  return versionsOf(discovery, unversioned).find(
    // `pods.v1` is the core group's, not another group's that happens to serve pods
    (resource) => resource.version === version && (group.length > 0 || resource.group === ""),
  );
}

function versionsOf(discovery: Discovery, text: string): ServedResource[] {
  let resolve = resolvers.get(discovery);
  if (resolve === undefined) {
    resolve = resourceResolver(discovery.resources);
    resolvers.set(discovery, resolve);
  }
  const full = resolve(text);
  return discovery.resources.filter((resource) => groupResource(resource) === full);
}
