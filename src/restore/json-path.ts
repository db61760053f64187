/** Reading plain JSON without trusting its shape. */

/** True for a JSON object (not null, not a list). */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value under own keys, or undefined where the way is not there. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let current = value;
  for (const key of keys) {
    if (!isRecord(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

/** Same, as an object to be changed; undefined where there is none. */
export function recordAt(value: unknown, ...keys: readonly string[]): Record<string, unknown> | undefined {
  const found = at(value, ...keys);
  return isRecord(found) ? found : undefined;
}

/** Same, as a list of objects; empty where there is none. */
export function recordsAt(value: unknown, ...keys: readonly string[]): Record<string, unknown>[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found.filter(isRecord) : [];
}

/** Same, as a string; "" where there is none. */
export function textAt(value: unknown, ...keys: readonly string[]): string {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : "";
}

/** Removes keys, and the map itself from its parent when it comes out empty. */
export function dropKeys(parent: Record<string, unknown>, field: string, keys: readonly string[]): void {
  const map = parent[field];
  if (!isRecord(map)) return;
  for (const key of keys) delete map[key];
  if (Object.keys(map).length === 0) delete parent[field];
}
