import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";

const NAMESPACES = { group: "", version: "v1", resource: "namespaces" } as const;

/** The UID of `kube-system`, which tells this cluster from a rebuilt one. @throws {KubeNotFound} */
export async function systemUid(kube: KubeClient): Promise<string> {
  const uid = (await kube.get(NAMESPACES, { namespace: "", name: "kube-system" }))?.metadata.uid;
  if (uid !== undefined) return uid;
  throw new CodedError("KubeNotFound", { ref: "namespaces/kube-system" }, "the cluster has no namespace kube-system");
}
