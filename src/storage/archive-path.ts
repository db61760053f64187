/** Paths inside the archive: Velero's, `resources/<plural.group>/{cluster|namespaces/<ns>}/<name>.json`. */

/** The first entry's path and content, as Velero writes them. */
export const VERSION_PATH = "metadata/version";
export const VERSION_BODY = "1.1.0\n";

/** Where an object stands in an archive. */
export interface ArchivePosition {
  readonly resource: string;
  /** "" for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** "" on the classic path, else `v1-preferredversion` or `v1beta1`. */
  readonly versionFolder: string;
}

/** The path of an object. The parts must be segments (`isArchivable`). */
export function archivePath(position: ArchivePosition): string {
  const folder = position.versionFolder === "" ? "" : `${position.versionFolder}/`;
  const scope = position.namespace === "" ? "cluster" : `namespaces/${position.namespace}`;
  return `resources/${position.resource}/${folder}${scope}/${position.name}.json`;
}

/** True when each part is one segment of a path, so that the path leads where it says. */
export function isArchivable(position: ArchivePosition): boolean {
  return (
    isPathSegment(position.resource) &&
    isPathSegment(position.name) &&
    (position.namespace === "" || isPathSegment(position.namespace))
  );
}

/** The API server's own rule for RBAC names, the widest there is: anything but a slash, a NUL and the two dot names. */
function isPathSegment(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && !text.includes("/") && !text.includes("\0");
}

/** `unsafe` leads out or is ambiguous; `other` is a file of an archive that holds no object. */
export type ParsedPath =
  | ({ readonly type: "object" } & ArchivePosition)
  | { readonly type: "other" }
  | { readonly type: "unsafe"; readonly why: string };

/** Reads a path of an archive that anybody may have made. */
export function parseArchivePath(path: string): ParsedPath {
  if (path === "") return { type: "unsafe", why: "it has no name" };
  if (path.startsWith("/")) return { type: "unsafe", why: "its path is absolute" };
  const segments = path.split("/");
  if (segments.includes("..")) return { type: "unsafe", why: "its path leads out of the archive" };
  if (!segments.every(isPathSegment)) return { type: "unsafe", why: "its path has an empty part, a dot or a NUL" };
  if (segments[0] !== "resources") return { type: "other" };
  return parseObjectPath(segments) ?? { type: "other" };
}

function parseObjectPath(segments: readonly string[]): ParsedPath | undefined {
  const [, resource = "", ...rest] = segments;
  // A version folder stands in front of the scope. No resource has a version named as a scope.
  const versionFolder = rest[0] === "cluster" || rest[0] === "namespaces" ? "" : (rest.shift() ?? "");
  const [scope, ...inside] = rest;
  const [namespace, file] = scope === "cluster" ? ["", inside[0]] : [inside[0] ?? "", inside[1]];
  const isPlace = scope === "cluster" ? inside.length === 1 : scope === "namespaces" && inside.length === 2;
  if (!isPlace || file === undefined || !file.endsWith(".json") || file === ".json") return undefined;
  return { type: "object", resource, namespace, name: file.slice(0, -".json".length), versionFolder };
}
