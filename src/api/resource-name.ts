/** Names of resources as users write them in filters, resolved to `plural.group`. */
import { groupResource } from "./object.ts";

/** What is known of one served resource, as far as its names go. */
export interface NamedResource {
  readonly group: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
}

/** Resolves one name of a filter; a name it does not know, a glob among them, comes back as it was. */
export type ResolveResource = (name: string) => string;

/**
 * Builds the resolver over what is served, in the server's order: plural, singular, kind and short names, in any case,
 * with or without the group (`deployments`, `deploy`, `Deployment.apps`); the first group that has the name wins, and
 * a group may be cut short (`ingresses.networking`).
 */
export function resourceResolver(served: readonly NamedResource[]): ResolveResource {
  const byName = new Map<string, string[]>();
  const add = (name: string, resource: NamedResource): void => {
    const key = name.toLowerCase();
    const full = groupResource(resource);
    const known = byName.get(key);
    if (known === undefined) byName.set(key, [full]);
    else if (!known.includes(full)) known.push(full);
  };
  for (const resource of served) add(resource.resource, resource);
  for (const resource of served)
    for (const name of [resource.singular, resource.kind]) if (name !== "") add(name, resource);
  for (const resource of served) for (const name of resource.shortNames) add(name, resource);
  return (name) => resolve(byName, name);
}

function resolve(byName: ReadonlyMap<string, readonly string[]>, name: string): string {
  const lower = name.toLowerCase();
  const dot = lower.indexOf(".");
  if (dot < 0) return byName.get(lower)?.[0] ?? name;
  const candidates = byName.get(lower.slice(0, dot)) ?? [];
  const group = lower.slice(dot + 1);
  const groupOf = (full: string): string => (full.includes(".") ? full.slice(full.indexOf(".") + 1) : "");
  return (
    candidates.find((full) => groupOf(full) === group) ??
    candidates.find((full) => groupOf(full).startsWith(group)) ??
    name
  );
}
