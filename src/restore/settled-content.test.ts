import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import { settledContent, settledContentOfBytes } from "./settled-content.ts";

const annotations = fc.dictionary(
  fc.constantFrom(
    "a",
    "deployment.kubernetes.io/revision",
    "pv.kubernetes.io/bind-completed",
    "volume.kubernetes.io/selected-node",
    "z",
  ),
  fc.constantFrom("1", "é", '"'),
);
const written = fc.record(
  {
    kind: fc.constant("Widget"),
    apiVersion: fc.constant("v1"),
    type: fc.constantFrom("Opaque", "kubernetes.io/service-account-token"),
    data: fc.dictionary(fc.constantFrom("token", "k"), fc.string()),
    spec: fc.record({ nodeName: fc.string(), a: fc.integer(), ports: fc.constant([{ port: 1, nodePort: 2 }]) }),
    status: fc.constant({ phase: "Bound" }),
    metadata: fc.record(
      {
        name: fc.constant("n"),
        uid: fc.string(),
        finalizers: fc.constantFrom([], ["a/b"]),
        labels: fc.dictionary(fc.constantFrom("velero.io/restore-name", "app"), fc.string()),
        annotations: fc.option(annotations, { nil: null }),
      },
      { requiredKeys: ["name"] },
    ),
  },
  { requiredKeys: ["kind", "apiVersion", "metadata"] },
);

describe("the settled content of an answer's bytes", () => {
  it.each(["configmaps", "pods", "services", "secrets", "deployments.apps"])(
    "is that of the object: %s",
    (resource) => {
      fc.assert(
        fc.property(written, (object) => {
          const bytes = Buffer.from(`${JSON.stringify(object)}\n`);

          expect(settledContentOfBytes(resource, bytes)).toBe(settledContent(resource, parseJson(bytes) as KubeObject));
        }),
      );
    },
  );

  it("moves with what a person writes, not with what controllers put on", () => {
    const digestOf = (metadata: object): string =>
      settledContentOfBytes("configmaps", Buffer.from(JSON.stringify({ kind: "ConfigMap", metadata })));

    expect(
      digestOf({ name: "n", finalizers: ["x/y"], annotations: { "deployment.kubernetes.io/revision": "2" } }),
    ).toBe(digestOf({ name: "n" }));
    expect(digestOf({ name: "n", annotations: { "deployment.kubernetes.io/revision": "2", own: "1" } })).toBe(
      digestOf({ name: "n", annotations: { own: "1" } }),
    );
    expect(digestOf({ name: "n", annotations: { own: "1" } })).not.toBe(digestOf({ name: "n" }));
  });
});
