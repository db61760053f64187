import type { GroupVersionResource } from "../api/object.ts";
import { isCoded, messageOf } from "../errors.ts";
import type { Discovery, KubeClient } from "../kube/client.ts";
import { OWNER_KINDS, OWNER_RESOURCES, type Owner, type OwnerKind, readOwner } from "./owner.ts";
import { type OwnerWorld, ownerWorld } from "./ownership.ts";

/** Every owner of the cluster. A kind that is not served has none; one that may not be listed is told. Only reads. */
export async function listOwners(
  kube: Pick<KubeClient, "discovery" | "list">,
  signal?: AbortSignal,
): Promise<OwnerWorld> {
  const discovery = await kube.discovery({ refresh: true, ...(signal === undefined ? {} : { signal }) });
  const owners: Owner[] = [];
  const unreadable: { kind: string; message: string }[] = [];
  for (const kind of OWNER_KINDS) {
    const gvr = servedOwner(discovery, kind);
    if (gvr === undefined) continue;
    try {
      const objects = await kube.list(gvr, signal === undefined ? {} : { signal });
      owners.push(...objects.map((object) => readOwner(kind, gvr, object)));
    } catch (error) {
      if (!isCoded(error, "KubeForbidden") && !isCoded(error, "KubeNotFound")) throw error;
      if (isCoded(error, "KubeForbidden"))
        unreadable.push({ kind: `${gvr.resource}.${gvr.group}`, message: messageOf(error) });
    }
  }
  return ownerWorld(owners, unreadable);
}

/** Where a kind of owner is served now, in the version the server prefers. */
export function servedOwner(discovery: Discovery, kind: OwnerKind): GroupVersionResource | undefined {
  const { group, resource } = OWNER_RESOURCES[kind];
  const served = discovery.resources.filter((each) => each.group === group && each.resource === resource);
  const best = served.find(({ preferred }) => preferred) ?? served[0];
  return best === undefined ? undefined : { group, resource, version: best.version };
}
