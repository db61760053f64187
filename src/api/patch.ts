/**
 * JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) over plain values. The only user of fast-json-patch: its types
 * and its refusals stay here. `__proto__` and `constructor` are keys like any other: data, not paths.
 */
import fastJsonPatch from "fast-json-patch";
import { CodedError } from "../errors.ts";
import { canonicalJson, stringifyJson } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** One RFC 6902 operation. */
export interface PatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  /** RFC 6901 pointer, as `from`. */
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** The API server takes 10,000 operations; a longer patch than this is sent as a merge patch. */
export const MAX_OPERATIONS = 9000;

/**
 * The operations that turn `before` into `after`; empty when they are equal. List items are compared by place; a field
 * that is undefined counts as absent.
 */
export function compare(before: object, after: object): PatchOperation[] {
  if (Array.isArray(before) !== Array.isArray(after)) return [{ op: "replace", path: "", value: after }];
  return fastJsonPatch.compare(before, after) as PatchOperation[];
}

/** The operation that makes a patch fail (HTTP 422) when the object changed since it was read. */
export function testResourceVersion(live: Pick<KubeObject, "metadata">): PatchOperation {
  return { op: "test", path: "/metadata/resourceVersion", value: live.metadata.resourceVersion ?? "" };
}

/** How a change is sent: the shape of the client's `Patch`. */
export type GuardedPatch =
  | { readonly type: "json"; readonly operations: readonly PatchOperation[] }
  | { readonly type: "merge"; readonly body: unknown };

/** Operations that are not worth a look at their bytes: of a tiny object they may be the longer text. */
const FEW = 20;

/**
 * The patch that turns `live` into `desired` and fails when `live` is stale; undefined when nothing differs. A JSON Patch,
 * unless it has more than 9,000 operations or is longer than the object: then a merge patch with the resourceVersion, if
 * no null in the object makes that say something else. `before`: the part of `live` that `desired` speaks of, where that
 * is not the whole, and `changes` what turns it into `desired`.
 */
export function guardedPatch(
  live: KubeObject,
  desired: KubeObject,
  before: KubeObject = live,
  changes: readonly PatchOperation[] = compare(before, desired),
): GuardedPatch | undefined {
  if (changes.length === 0) return undefined;
  const isShort = changes.length < FEW || sizeOf(changes) <= sizeOf(desired);
  const body = changes.length <= MAX_OPERATIONS && isShort ? undefined : createMergePatch(before, desired);
  if (body === undefined || canonicalJson(applyMergePatch(before, body)) !== canonicalJson(desired))
    return { type: "json", operations: [testResourceVersion(live), ...changes] };
  const resourceVersion = live.metadata.resourceVersion ?? "";
  return { type: "merge", body: applyMergePatch(body, { metadata: { resourceVersion } }) };
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(stringifyJson(value));
}

/** The keys of an RFC 6901 pointer, unescaped. "" is the whole document. */
export function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The pointer of these keys. */
export function formatPointer(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The value at a pointer, or undefined where the way is not there. */
export function valueAt(document: unknown, pointer: string): unknown {
  let current = document;
  for (const key of parsePointer(pointer)) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    if (Array.isArray(current) && key === "length") return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

/**
 * A new document with all operations done in order; the given one stays as it is.
 * @throws {InvalidPatch} when one does not apply; `data.test` is true when it was a `test` that failed.
 */
export function applyPatch<T>(document: T, operations: readonly PatchOperation[]): T {
  let result: unknown = structuredClone(document);
  operations.forEach((operation, index) => {
    result = applyOne(result, operation, index);
  });
  return result as T;
}

/** A new document with the merge patch applied: null removes, lists are replaced whole. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return structuredClone(patch);
  const result: Record<string, unknown> = isRecord(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setOwn(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value));
  }
  return result;
}

/** The merge patch that turns `before` into `after`; undefined when they are equal. */
export function createMergePatch(before: unknown, after: unknown): unknown {
  if (!isRecord(before) || !isRecord(after)) return canonicalJson(before) === canonicalJson(after) ? undefined : after;
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(before)) {
    if (value !== undefined && (!Object.hasOwn(after, key) || after[key] === undefined)) setOwn(patch, key, null);
  }
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const change = Object.hasOwn(before, key) ? createMergePatch(before[key], value) : value;
    if (change !== undefined) setOwn(patch, key, change);
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function applyOne(document: unknown, operation: PatchOperation, index: number): unknown {
  switch (operation.op) {
    case "add":
      return add(document, operation, index, structuredClone(operation.value));
    case "remove":
      return remove(document, operation.path, index);
    case "replace":
      if (operation.path === "") return structuredClone(operation.value);
      existing(document, operation.path, index);
      return write(document, operation.path, structuredClone(operation.value));
    case "copy":
      return add(document, operation, index, structuredClone(existing(document, operation.from ?? "", index)));
    case "move": {
      const from = operation.from ?? "";
      const moved = existing(document, from, index);
      if (operation.path.startsWith(`${from}/`)) throw invalid(index, operation.path, `it lies inside ${from}`);
      return add(remove(document, from, index), operation, index, moved);
    }
    case "test": {
      const found = valueAt(document, operation.path);
      if (found !== undefined && canonicalJson(found) === canonicalJson(operation.value)) return document;
      throw invalid(index, operation.path, "the value there is another one", true);
    }
  }
}

function existing(document: unknown, path: string, index: number): unknown {
  const found = valueAt(document, path);
  if (found === undefined) throw invalid(index, path, "there is nothing at this path");
  return found;
}

function add(document: unknown, { path }: PatchOperation, index: number, value: unknown): unknown {
  const keys = parsePointer(path);
  const last = keys.pop();
  if (last === undefined) return value;
  const parent = valueAt(document, formatPointer(keys));
  if (Array.isArray(parent)) {
    const place = last === "-" ? parent.length : Number(last);
    if (!/^(?:-|0|[1-9]\d*)$/.test(last) || place > parent.length)
      throw invalid(index, path, "there is no such place in the list");
    parent.splice(place, 0, value);
  } else if (isRecord(parent)) setOwn(parent, last, value);
  else throw invalid(index, path, "its parent does not exist");
  return document;
}

function remove(document: unknown, path: string, index: number): unknown {
  existing(document, path, index);
  const keys = parsePointer(path);
  const last = keys.pop();
  if (last === undefined) return null;
  const parent = valueAt(document, formatPointer(keys));
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isRecord(parent)) delete parent[last];
  return document;
}

function write(document: unknown, path: string, value: unknown): unknown {
  const keys = parsePointer(path);
  const last = keys.pop() ?? "";
  const parent = valueAt(document, formatPointer(keys));
  if (Array.isArray(parent)) parent[Number(last)] = value;
  else if (isRecord(parent)) setOwn(parent, last, value);
  return document;
}

/** Assignment that makes an own property even of `__proto__`. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(operation: number, path: string, why: string, test = false): CodedError<"InvalidPatch"> {
  return new CodedError("InvalidPatch", { operation, path, test }, `operation ${operation} at ${path}: ${why}`);
}
