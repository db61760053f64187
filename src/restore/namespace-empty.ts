/** Whether a namespace holds anything but what every namespace holds. */
import { groupResource, type KubeObject } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { type RestoreSession, signalOf } from "./session.ts";

/** Made by the cluster in every namespace, or about objects that are gone. */
const IGNORED: ReadonlySet<string> = new Set([
  "events",
  "events.events.k8s.io",
  "endpoints",
  "endpointslices.discovery.k8s.io",
  "controllerrevisions.apps",
  "leases.coordination.k8s.io",
  "pods.metrics.k8s.io",
]);
const WAIT_MS = 30_000;

/** Undefined when it is empty, after objects that are going have gone; else the name of one that stays. */
export async function isNamespaceEmpty(session: RestoreSession, namespace: string): Promise<string | undefined> {
  const { clock } = session.deps;
  const deadline = clock.monotonic() + WAIT_MS;
  for (;;) {
    const left = await firstLeft(session, namespace);
    if (left === undefined || !left.going || clock.monotonic() > deadline) return left?.name;
    await clock.sleep(500, session.request.signal);
  }
}

async function firstLeft(
  session: RestoreSession,
  namespace: string,
): Promise<{ name: string; going: boolean } | undefined> {
  const { kube } = session.deps;
  let going: { name: string; going: boolean } | undefined;
  for (const served of session.facts.discovery.resources) {
    const resource = groupResource(served);
    if (!served.namespaced || !served.preferred || !served.verbs.includes("list") || IGNORED.has(resource)) continue;
    const objects = await kube.list(served, { namespace, ...signalOf(session.request) }).catch((error: unknown) => {
      if (isCoded(error, "KubeNotFound") || isCoded(error, "KubeRejected")) return [];
      throw error;
    });
    for (const object of objects.filter((each) => !isEverywhere(resource, each))) {
      const name = `${resource} ${object.metadata.name}`;
      // Pods whose controller is gone are collected in a moment, like those that are being deleted.
      if (object.metadata.deletionTimestamp === undefined && object.metadata.ownerReferences === undefined)
        return { name, going: false };
      going = { name, going: true };
    }
  }
  return going;
}

function isEverywhere(resource: string, { metadata }: KubeObject): boolean {
  return (
    (resource === "configmaps" && metadata.name === "kube-root-ca.crt") ||
    (resource === "serviceaccounts" && metadata.name === "default")
  );
}
