import { itemKey } from "./list-scanner.ts";

/** What a LIST has handed out so far, should it have to begin anew. */
export interface DeliveredKeys {
  /** Notes a page before it is handed out. `continueToken` is the one that came with it. */
  add(items: readonly Buffer[], continueToken: string): void;
  has(item: Buffer): boolean;
}

/**
 * Remembers what a LIST delivered. The token of the API server's own storage says that items come in the order of their
 * keys, so there one key stands for all before it; of other servers every key is kept.
 */
export function createDeliveredKeys(): DeliveredKeys {
  const keys = new Set<string>();
  let last: Buffer | undefined;
  return {
    add(items, continueToken) {
      if (continueToken === "") return; // the last page: nothing can expire after it
      if (isOrderedToken(continueToken)) {
        const newest = items.at(-1);
        const key = newest === undefined ? undefined : Buffer.from(keyText(newest));
        // a LIST begun anew passes the old keys again: the mark only moves forward
        if (key !== undefined && (last === undefined || Buffer.compare(key, last) > 0)) last = key;
      } else {
        for (const item of items) keys.add(keyText(item));
      }
    },
    has(item) {
      const key = keyText(item);
      return keys.has(key) || (last !== undefined && Buffer.compare(Buffer.from(key), last) <= 0);
    },
  };
}

/** True for the token of apiserver's storage: `{v, rv, start}`, where `start` is the key to go on from (`storage/continue.go`). */
export function isOrderedToken(token: string): boolean {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return (
      typeof decoded === "object" &&
      decoded !== null &&
      "v" in decoded &&
      decoded.v === "meta.k8s.io/v1" &&
      "start" in decoded
    );
  } catch {
    return false;
  }
}

/** As the storage orders them: by the bytes of `namespace/name`. */
function keyText(item: Buffer): string {
  const key = itemKey(item);
  if (key === undefined) return "";
  return key.namespace === "" ? key.name : `${key.namespace}/${key.name}`;
}
