/** What `<name>-resource-list.json.gz` of a backup or a restore holds: its objects, by group, version and kind. */
import { formatKey, type ObjectKey } from "../api/object.ts";

/** Collects the names of what is written. */
export interface ResourceNames {
  /** `action` is what a restore made of it, such as `created`; backups have none. */
  add(object: ListedObject, action?: string): void;
  /** `apps/v1/Deployment` → sorted `namespace/name` or `name`, with `(action)` after it; sorted, and made type by type. */
  lists(): Generator<[string, string[]]>;
}

/** What is listed of an object. */
export interface ListedObject extends ObjectKey {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Names joined into one text: many small strings would cost five times as much memory. */
const CHUNK = 1_000;

export function createResourceNames(): ResourceNames {
  const types = new Map<string, { joined: string[]; open: string[] }>();
  return {
    add(object, action) {
      const type = `${object.apiVersion}/${object.kind}`;
      const names = types.get(type) ?? { joined: [], open: [] };
      types.set(type, names);
      names.open.push(action === undefined ? formatKey(object) : `${formatKey(object)}(${action})`);
      if (names.open.length < CHUNK) return;
      names.joined.push(names.open.join("\n"));
      names.open = [];
    },
    *lists() {
      for (const [type, { joined, open }] of [...types].sort(([a], [b]) => (a < b ? -1 : 1)))
        yield [type, [...joined.flatMap((text) => text.split("\n")), ...open].sort()];
    },
  };
}
