import { describe, expect, it } from "vitest";
import type { Discovery, ServedResource } from "./client.ts";
import { resolveResource } from "./resolve-resource.ts";

function served(group: string, version: string, kind: string, more: Partial<ServedResource> = {}): ServedResource {
  const singular = kind.toLowerCase();
  return {
    group,
    version,
    resource: `${singular}s`,
    kind,
    singular,
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: ["list"],
    preferred: true,
    subresources: [],
    ...more,
  };
}

const DISCOVERY: Discovery = {
  resources: [
    served("", "v1", "Pod", { shortNames: ["po"] }),
    served("", "v1", "Event", { shortNames: ["ev"] }),
    served("apps", "v1", "Deployment", { shortNames: ["deploy"] }),
    served("apps", "v1beta1", "Deployment", { shortNames: ["deploy"], preferred: false }),
    served("events.k8s.io", "v1", "Event", { shortNames: ["ev"] }),
    served("networking.k8s.io", "v1", "Ingress", { resource: "ingresses", shortNames: ["ing"] }),
    served("metrics.k8s.io", "v1beta1", "PodMetrics", { resource: "pods" }),
  ],
  failures: [],
};

describe("resolveResource", () => {
  it.each([
    ["pods", "/v1 pods"],
    ["pod", "/v1 pods"],
    ["Pod", "/v1 pods"],
    ["po", "/v1 pods"],
    ["pods.v1", "/v1 pods"],
    ["pods.metrics.k8s.io", "metrics.k8s.io/v1beta1 pods"],
    ["events", "/v1 events"],
    ["events.events.k8s.io", "events.k8s.io/v1 events"],
    ["deploy", "apps/v1 deployments"],
    ["deployments.apps", "apps/v1 deployments"],
    ["deployments.v1beta1.apps", "apps/v1beta1 deployments"],
    ["deploy.v1.apps", "apps/v1 deployments"],
    ["ingresses.networking", "networking.k8s.io/v1 ingresses"],
    ["ing.networking.k8s.io", "networking.k8s.io/v1 ingresses"],
    ["deployments.v2.apps", undefined],
    ["nothing", undefined],
    ["*.apps", undefined],
    ["", undefined],
  ])("%s is %s", (text, expected) => {
    const found = resolveResource(DISCOVERY, text);

    expect(found === undefined ? undefined : `${found.group}/${found.version} ${found.resource}`).toBe(expected);
  });
});
