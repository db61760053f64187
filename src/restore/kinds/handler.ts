/**
 * What each kind needs before it can stand in a cluster again: Velero's restore item actions, one small file per family.
 * A handler is given an object of its own, stripped of what the cluster owns, and may change it in place.
 */
import type { KubeObject } from "../../api/object.ts";
import type { PlanReason } from "../../report/plan.ts";
import type { RestoreOptions } from "../options.ts";

/** What a handler may know; looked up before, so that handlers stay pure. */
export interface KindContext {
  readonly options: RestoreOptions;
  /** "" for cluster-scoped kinds. */
  readonly sourceNamespace: string;
  readonly targetNamespace: string;
  /** The archived object as it was, status and managed fields included. */
  readonly archived: KubeObject;
  readonly known: KnownWorld;
}

/** Facts about the target cluster and the backup's volumes. */
export interface KnownWorld {
  storageClassExists(name: string): boolean;
  serviceAccountExists(namespace: string, name: string): boolean;
  /** Whether a claim of this volume gets a new, empty volume instead of it. */
  isDynamicVolume(name: string): boolean;
  /** How the backup treated an archived volume's data: Velero's `backupMethod`, or undefined. */
  volumeMethod(volume: KubeObject): string | undefined;
}

/** What a handler decides. */
export type Prepared =
  | { readonly type: "keep"; readonly warnings?: readonly string[] }
  | { readonly type: "skip"; readonly reason: PlanReason; readonly message: string; readonly warning?: boolean }
  | { readonly type: "fail"; readonly reason: PlanReason; readonly message: string };

export type KindHandler = (object: KubeObject, context: KindContext) => Prepared;

/** The object goes on, changed or not. */
export const KEEP: Prepared = { type: "keep" };
