/**
 * JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) over plain values. The only user of fast-json-patch: its types
 * and its refusals stay here. `__proto__` and `constructor` are keys like any other: data, not paths.
 */
import fastJsonPatch from "fast-json-patch";
import { CodedError } from "../errors.ts";
import { canonicalJson } from "./json.ts";

/** One RFC 6902 operation. */
export interface PatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** The operations that turn `before` into `after`; empty when they are equal. List items are compared by place. */
export function compare(before: object, after: object): PatchOperation[] {
  return fastJsonPatch.compare(before, after) as PatchOperation[];
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
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) setOwn(patch, key, null);
  for (const [key, value] of Object.entries(after)) {
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
      const moved = existing(document, operation.from ?? "", index);
      return add(remove(document, operation.from ?? "", index), operation, index, moved);
    }
    case "test": {
      const found = existing(document, operation.path, index);
      if (canonicalJson(found) === canonicalJson(operation.value)) return document;
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
