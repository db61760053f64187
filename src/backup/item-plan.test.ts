import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { boundServiceAccounts, mayBeCustom, relatedObjects, skipReason } from "./item-plan.ts";

const object = (metadata: object, rest: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "X",
  metadata: { name: "x", ...metadata },
  ...rest,
});

describe("skipReason", () => {
  it.each([
    ["a plain object", object({ namespace: "a" }), undefined],
    ["the label of Velero", object({ labels: { "velero.io/exclude-from-backup": "true" } }), "labelledOut"],
    ["the label of ours", object({ labels: { "holdfast.dev/exclude-from-backup": "true" } }), "labelledOut"],
    ["the label with another value", object({ labels: { "velero.io/exclude-from-backup": "True" } }), undefined],
    ["an excluded namespace", object({ namespace: "hidden" }), "namespace"],
    ["a deletion under way", object({ deletionTimestamp: "2026-01-01T00:00:00Z" }), "beingDeleted"],
  ])("%s", (_name, subject, expected) => {
    expect(skipReason(subject, (namespace) => namespace !== "hidden")).toBe(expected);
  });
});

describe("relatedObjects", () => {
  const names = (resource: string, subject: KubeObject): string[] =>
    relatedObjects(resource, subject).map((related) => `${related.resource} ${related.namespace}/${related.name}`);

  it("of a pod are its claims, priority class and account", () => {
    const pod = object(
      { namespace: "a" },
      {
        spec: {
          serviceAccountName: "sa",
          priorityClassName: "high",
          volumes: [{ persistentVolumeClaim: { claimName: "c" } }, { emptyDir: {} }],
        },
      },
    );

    expect(names("pods", pod)).toEqual([
      "persistentvolumeclaims a/c",
      "priorityclasses.scheduling.k8s.io /high",
      "serviceaccounts a/sa",
    ]);
  });

  it.each([
    ["Bound", ["persistentvolumes /v"]],
    ["Pending", []],
    ["Lost", []],
  ])("of a %s claim", (phase, expected) => {
    expect(
      names("persistentvolumeclaims", object({ namespace: "a" }, { spec: { volumeName: "v" }, status: { phase } })),
    ).toEqual(expected);
  });

  it("survive objects of any shape", () => {
    for (const spec of [null, 1, [], { volumes: 3 }, { volumes: [null, { persistentVolumeClaim: 1 }] }]) {
      expect(names("pods", object({ namespace: "a" }, { spec }))).toEqual([]);
    }
  });
});

it("finds the service accounts of a binding", () => {
  const binding = object(
    {},
    {
      subjects: [
        { kind: "ServiceAccount", namespace: "a", name: "b" },
        { kind: "User", name: "u" },
      ],
    },
  );

  expect(boundServiceAccounts(binding)).toEqual(["a/b"]);
  expect(boundServiceAccounts(object({}))).toEqual([]);
});

it.each([
  ["", false],
  ["apps", false],
  ["networking.k8s.io", false],
  ["gateway.networking.k8s.io", true],
  ["example.org", true],
])("a CRD may stand behind %j: %s", (group, expected) => {
  expect(mayBeCustom(group)).toBe(expected);
});
