import type { KubeObject } from "../api/object.ts";
import type { PodHooks } from "./hook-plan.ts";
import { claimsOf } from "./item-plan.ts";

/** A pod that is taken out of the stream: what its hooks need, and nothing else of it. */
export interface HookedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Names of the claims it mounts. */
  readonly claims: readonly string[];
  readonly hooks: PodHooks;
}

export function hookedPod(pod: KubeObject, hooks: PodHooks): HookedPod {
  return {
    namespace: pod.metadata.namespace ?? "",
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? "",
    claims: claimsOf(pod),
    hooks,
  };
}
