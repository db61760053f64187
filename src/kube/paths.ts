import { formatKey, type GroupVersionResource, groupResource, type ObjectKey } from "../api/object.ts";

/** Query parameters; undefined values are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/apis/apps/v1/namespaces/shop/deployments`; namespace "" is all namespaces or a cluster-scoped resource. */
export function collectionPath(gvr: GroupVersionResource, namespace: string): string {
  const root =
    gvr.group === "" ? `/api/${segment(gvr.version)}` : `/apis/${segment(gvr.group)}/${segment(gvr.version)}`;
  const scope = namespace === "" ? "" : `/namespaces/${segment(namespace)}`;
  return `${root}${scope}/${segment(gvr.resource)}`;
}

/** The path of one object, or of a subresource of it. */
export function objectPath(gvr: GroupVersionResource, key: ObjectKey, subresource?: string): string {
  const path = `${collectionPath(gvr, key.namespace)}/${segment(key.name)}`;
  return subresource === undefined ? path : `${path}/${segment(subresource)}`;
}

/** `path?a=b`, or `path` alone where nothing is asked. */
export function withQuery(path: string, query: Query): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parts.push(`${name}=${encodeURIComponent(value)}`);
  }
  return parts.length === 0 ? path : `${path}?${parts.join("&")}`;
}

/** How errors name an object: `deployments.apps shop/web`. */
export function refOf(gvr: GroupVersionResource, key: ObjectKey): string {
  return `${groupResource(gvr)} ${formatKey(key)}`;
}

/** How errors name a LIST: `deployments.apps in shop`, `nodes`. */
export function listRef(gvr: GroupVersionResource, namespace: string): string {
  return namespace === "" ? groupResource(gvr) : `${groupResource(gvr)} in ${namespace}`;
}

function segment(text: string): string {
  // "." and ".." survive encodeURIComponent and would climb the path; the server allows no such name
  return text === "." || text === ".." ? text.replaceAll(".", "%2E") : encodeURIComponent(text);
}
