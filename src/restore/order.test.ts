import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderResources, parsePriorities } from "./order.ts";

describe("restore order", () => {
  it("puts what others need first, and what intercepts writes last", () => {
    const order = orderResources([
      "validatingwebhookconfigurations.admissionregistration.k8s.io",
      "widgets.example.org",
      "deployments.apps",
      "apiservices.apiregistration.k8s.io",
      "pods",
      "namespaces",
      "clusters.cluster.x-k8s.io",
      "customresourcedefinitions.apiextensions.k8s.io",
      "persistentvolumeclaims",
      "persistentvolumes",
    ]);

    expect(order).toEqual([
      "customresourcedefinitions.apiextensions.k8s.io",
      "namespaces",
      "persistentvolumes",
      "persistentvolumeclaims",
      "pods",
      "deployments.apps",
      "widgets.example.org",
      "clusters.cluster.x-k8s.io",
      "validatingwebhookconfigurations.admissionregistration.k8s.io",
      "apiservices.apiregistration.k8s.io",
    ]);
  });

  it("takes priorities as Velero's flag has them, by any name, with CRDs first in any case", () => {
    const names: Record<string, string> = { deploy: "deployments.apps", svc: "services", cm: "configmaps" };
    const priorities = parsePriorities(["svc", "deploy", "-", "cm"], (name) => names[name] ?? name);

    const order = orderResources(
      [
        "configmaps",
        "apiservices.apiregistration.k8s.io",
        "deployments.apps",
        "pods",
        "customresourcedefinitions.apiextensions.k8s.io",
        "services",
      ],
      priorities,
    );

    expect(order).toEqual([
      "customresourcedefinitions.apiextensions.k8s.io",
      "services",
      "deployments.apps",
      "pods",
      "configmaps",
      "apiservices.apiregistration.k8s.io",
    ]);
  });

  it("is total: every resource once, whatever the input's order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.domain(), { maxLength: 30 }), (resources) => {
        const order = orderResources(resources);
        expect([...order].sort()).toEqual([...resources].sort());
        expect(orderResources([...resources].reverse())).toEqual(order);
      }),
    );
  });
});
