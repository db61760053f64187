/** Which handlers an object passes through, in Velero's order. */
import type { KubeObject, ObjectMeta } from "../../api/object.ts";
import type { RestoreOptions } from "../options.ts";
import { prepareCrd, prepareWebhookConfiguration, skipAutomaticApiServices } from "./api.ts";
import { KEEP, type KindContext, type KindHandler, type Prepared } from "./handler.ts";
import { mapImages } from "./image.ts";
import { injectInitHooks } from "./init-hooks.ts";
import { prepareJob, skipFinishedJobs } from "./job.ts";
import { preparePod, skipPodsNotToRestore } from "./pod.ts";
import { prepareBinding } from "./rbac.ts";
import { prepareService } from "./service.ts";
import { prepareSecret, prepareServiceAccount, SERVICE_ACCOUNT_NAME } from "./service-account.ts";
import { mapClaimTemplates, mapStorageClass } from "./storage-class.ts";
import { preparePersistentVolume, preparePersistentVolumeClaim, skipDynamicVolumes } from "./volume.ts";

const HANDLERS: Readonly<Record<string, readonly KindHandler[]>> = {
  pods: [skipPodsNotToRestore, mapImages, injectInitHooks, preparePod],
  "jobs.batch": [skipFinishedJobs, mapImages, prepareJob],
  "cronjobs.batch": [mapImages],
  "deployments.apps": [mapImages],
  "daemonsets.apps": [mapImages],
  "replicasets.apps": [mapImages],
  "statefulsets.apps": [mapImages, mapClaimTemplates],
  replicationcontrollers: [mapImages],
  services: [prepareService],
  serviceaccounts: [prepareServiceAccount],
  secrets: [prepareSecret],
  "rolebindings.rbac.authorization.k8s.io": [prepareBinding],
  "clusterrolebindings.rbac.authorization.k8s.io": [prepareBinding],
  persistentvolumes: [skipDynamicVolumes, mapStorageClass, preparePersistentVolume],
  persistentvolumeclaims: [mapStorageClass, preparePersistentVolumeClaim],
  "customresourcedefinitions.apiextensions.k8s.io": [prepareCrd],
  "mutatingwebhookconfigurations.admissionregistration.k8s.io": [prepareWebhookConfiguration],
  "validatingwebhookconfigurations.admissionregistration.k8s.io": [prepareWebhookConfiguration],
  "apiservices.apiregistration.k8s.io": [skipAutomaticApiServices],
};

/** True when objects of the resource may come out of a restore changed. */
export function hasHandler(resource: string): boolean {
  return Object.hasOwn(HANDLERS, resource);
}

type Settled = (metadata: ObjectMeta, options: RestoreOptions) => boolean;

const withoutImages: Settled = (_metadata, { imageMapping }) => imageMapping.length === 0;
const withoutMoves: Settled = (_metadata, { namespaceMapping }) => namespaceMapping.size === 0;

/** Handlers that leave alone what stands as it was archived, and when; all others decide by the body. */
const SETTLED: Readonly<Record<string, Settled>> = {
  "cronjobs.batch": withoutImages,
  "deployments.apps": withoutImages,
  "daemonsets.apps": withoutImages,
  "replicasets.apps": withoutImages,
  "statefulsets.apps": (metadata, options) =>
    withoutImages(metadata, options) && options.storageClassMapping.size === 0,
  replicationcontrollers: withoutImages,
  // What is cleared so that the cluster assigns it anew is taken over from what it has assigned.
  services: () => true,
  serviceaccounts: () => true,
  secrets: ({ annotations }) => annotations?.[SERVICE_ACCOUNT_NAME] === undefined,
  "rolebindings.rbac.authorization.k8s.io": withoutMoves,
  "clusterrolebindings.rbac.authorization.k8s.io": withoutMoves,
};

/** True when an object that stands in the cluster as it was archived comes out of its handlers just so. */
export function isSettled(resource: string, metadata: ObjectMeta, options: RestoreOptions): boolean {
  return !hasHandler(resource) || SETTLED[resource]?.(metadata, options) === true;
}

/** Passes the object through its handlers; it is changed in place. The first that stops it decides. */
export function prepareKind(resource: string, object: KubeObject, context: KindContext): Prepared {
  const warnings: string[] = [];
  for (const handle of HANDLERS[resource] ?? []) {
    const prepared = handle(object, context);
    if (prepared.type !== "keep") return prepared;
    warnings.push(...(prepared.warnings ?? []));
  }
  return warnings.length === 0 ? KEEP : { type: "keep", warnings };
}
