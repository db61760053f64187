import type { KubeObject } from "../api/object.ts";

/** What the server sets itself, so that a created object need not hold what was sent. */
const SERVER_SET = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "managedFields",
  "selfLink",
  "namespace",
]);

/**
 * True when `live` holds everything `sent` asked for: then a create whose answer was lost has happened, or it makes no
 * difference who did it. Mutating admission can make this false for our own object; the caller then says "exists".
 */
export function isEcho(sent: KubeObject, live: KubeObject): boolean {
  const { metadata, status: _status, ...rest } = sent;
  const asked = Object.fromEntries(Object.entries(metadata).filter(([field]) => !SERVER_SET.has(field)));
  return holds(live, rest) && holds(live.metadata, asked);
}

function holds(live: unknown, sent: unknown): boolean {
  if (sent === null || sent === undefined) return true; // the server drops nulls
  if (Array.isArray(sent)) {
    return Array.isArray(live) && live.length === sent.length && sent.every((item, index) => holds(live[index], item));
  }
  if (typeof sent !== "object") return live === sent;
  const fields = Object.entries(sent);
  if (typeof live !== "object" || live === null) return fields.length === 0;
  return fields.every(([field, value]) =>
    holds(Object.hasOwn(live, field) ? (live as Record<string, unknown>)[field] : undefined, value),
  );
}
