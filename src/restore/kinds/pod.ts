/** Pods: node and priority are the scheduler's to give; token volumes of old clusters are the cluster's own. */
import { recordAt, recordsAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

const MIRROR = "kubernetes.io/config.mirror";

/** Mirror pods belong to a node's kubelet, finished ones have nothing left to do. */
export const skipPodsNotToRestore: KindHandler = (object, { archived }) => {
  if (object.metadata.annotations?.[MIRROR] !== undefined) {
    return { type: "skip", reason: "MirrorPod", message: "a mirror pod belongs to its node, which makes it" };
  }
  const phase = textAt(archived, "status", "phase");
  if (phase === "Succeeded" || phase === "Failed") {
    return { type: "skip", reason: "Finished", message: `the pod had finished (${phase})` };
  }
  return KEEP;
};

/** Clears `nodeName` and `priority`, and drops volumes and mounts named `<service account>-token-*`. */
export const preparePod: KindHandler = (object) => {
  const spec = recordAt(object, "spec");
  if (spec === undefined) return KEEP;
  delete spec.nodeName;
  delete spec.priority;
  const prefix = `${textAt(spec, "serviceAccountName")}-token-`;
  const isToken = (item: Record<string, unknown>): boolean => textAt(item, "name").startsWith(prefix);
  if (Array.isArray(spec.volumes)) spec.volumes = recordsAt(spec, "volumes").filter((volume) => !isToken(volume));
  for (const container of [...recordsAt(spec, "containers"), ...recordsAt(spec, "initContainers")]) {
    if (!Array.isArray(container.volumeMounts)) continue;
    container.volumeMounts = recordsAt(container, "volumeMounts").filter((mount) => !isToken(mount));
  }
  return KEEP;
};

/** Names a pod depends on: its claims, and its priority class. */
export function relatedToPod(pod: unknown): { readonly claims: readonly string[]; readonly priorityClass: string } {
  const claims = recordsAt(pod, "spec", "volumes").map((volume) =>
    textAt(volume, "persistentVolumeClaim", "claimName"),
  );
  return { claims: claims.filter((name) => name !== ""), priorityClass: textAt(pod, "spec", "priorityClassName") };
}
