/** `<name>-resource-list.json.gz`: which objects a backup holds, by group, version and kind. */

/** Collects the names of what is written. */
export interface ResourceNames {
  add(apiVersion: string, kind: string, namespace: string, name: string): void;
  /** `apps/v1/Deployment` → sorted `namespace/name`, or `name` for cluster-scoped objects. */
  list(): Record<string, string[]>;
}

/** Names joined into one text: many small strings would cost five times as much memory. */
const CHUNK = 1_000;

export function createResourceNames(): ResourceNames {
  const types = new Map<string, { joined: string[]; open: string[] }>();
  return {
    add(apiVersion, kind, namespace, name) {
      const type = `${apiVersion}/${kind}`;
      const names = types.get(type) ?? { joined: [], open: [] };
      types.set(type, names);
      names.open.push(namespace === "" ? name : `${namespace}/${name}`);
      if (names.open.length < CHUNK) return;
      names.joined.push(names.open.join("\n"));
      names.open = [];
    },
    list: () =>
      Object.fromEntries(
        [...types]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([type, { joined, open }]) => [type, [...joined.flatMap((text) => text.split("\n")), ...open].sort()]),
      ),
  };
}
