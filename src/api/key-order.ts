/** Sorted keys without building text by hand: digests of a hundred thousand objects spend their time here. */

import { isDigit } from "./json-bytes.ts";

/** Says that a value has a key which a JavaScript object can't hold in its sorted place. */
export const UNORDERABLE: unique symbol = Symbol("unorderable");

/**
 * The same value with the keys of every object sorted by code unit, sharing each part that was sorted already (most of
 * what an API server sends is). `UNORDERABLE` where a key is an array index, which JavaScript enumerates first, or
 * `__proto__`. Pure: the value is left alone.
 */
export function inKeyOrder(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  return Array.isArray(value) ? itemsInKeyOrder(value) : fieldsInKeyOrder(value as Record<string, unknown>);
}

function itemsInKeyOrder(items: readonly unknown[]): unknown {
  let changed: unknown[] | undefined;
  for (let index = 0; index < items.length; index++) {
    const ordered = inKeyOrder(items[index]);
    if (ordered === UNORDERABLE) return UNORDERABLE;
    if (ordered === items[index]) continue;
    changed ??= items.slice();
    changed[index] = ordered;
  }
  return changed ?? items;
}

function fieldsInKeyOrder(record: Record<string, unknown>): unknown {
  const keys = Object.keys(record);
  const isOrdered = isSorted(keys);
  if (!isOrdered) keys.sort();
  let changed: Record<string, unknown> | undefined = isOrdered ? undefined : {};
  for (const [index, key] of keys.entries()) {
    if (isUnorderable(key)) return UNORDERABLE;
    const ordered = inKeyOrder(record[key]);
    if (ordered === UNORDERABLE) return UNORDERABLE;
    if (changed === undefined && ordered !== record[key]) changed = pick(record, keys.slice(0, index));
    if (changed !== undefined) changed[key] = ordered;
  }
  return changed ?? record;
}

function pick(record: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, record[key]]));
}

function isSorted(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index++) {
    if ((keys[index - 1] ?? "") >= (keys[index] ?? "")) return false;
  }
  return true;
}

function isUnorderable(key: string): boolean {
  const first = key.charCodeAt(0);
  return (isDigit(first) && /^\d+$/.test(key)) || key === "__proto__";
}
