import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { gitFieldsOf } from "./git-fields.ts";

/** A Deployment whose replicas a person set, and whose rest came from Git. */
const DEPLOYMENT: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    name: "web",
    annotations: { "example.org/a": "1", "example.org/b": "2" },
    managedFields: [
      {
        manager: "kustomize-controller",
        operation: "Apply",
        fieldsV1: {
          "f:metadata": { "f:annotations": { ".": {}, "f:example.org/a": {} }, "f:finalizers": { 'v:"keep"': {} } },
          "f:spec": {
            "f:selector": {},
            "f:template": {
              "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:name": {}, "f:image": {} } } },
            },
          },
        },
      },
      { manager: "kustomize-controller", operation: "Update", subresource: "status", fieldsV1: { "f:status": {} } },
      { manager: "kubectl", operation: "Update", fieldsV1: { "f:spec": { "f:replicas": {} } } },
    ],
    finalizers: ["other", "keep"],
  },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: { spec: { containers: [{ name: "sidecar" }, { name: "web", image: "web:1" }] } },
  },
  status: { replicas: 3 },
};

const ROWS = [
  ["a field that Git sets", "/metadata/annotations/example.org~1a", true],
  ["a field beside it", "/metadata/annotations/example.org~1b", false],
  ["a field that a person sets", "/spec/replicas", false],
  ["a field inside a list of named items", "/spec/template/spec/containers/1/image", true],
  ["the same field of an item that Git does not name", "/spec/template/spec/containers/0/image", false],
  ["an item that is added", "/spec/template/spec/containers/2", false],
  ["a field inside of what is replaced as a whole", "/spec/selector/matchLabels/app", true],
  ["a field around what Git sets", "/spec/template", true],
  ["an item that Git names by its value", "/metadata/finalizers/1", true],
  ["another item of that list", "/metadata/finalizers/0", false],
  ["a status, which no Git holds", "/status/replicas", false],
] as const;

describe("fields that Git owns", () => {
  it.each(ROWS)("%s: %s is %s", (_what, pointer, isOwned) => {
    const manager = gitFieldsOf(DEPLOYMENT).managerOf(pointer);

    expect(manager).toBe(isOwned ? "kustomize-controller" : undefined);
  });

  it("are none where no GitOps controller has written", () => {
    const { metadata, ...rest } = DEPLOYMENT;
    const { managedFields: _fields, ...bare } = metadata;

    const fields = gitFieldsOf({ ...rest, metadata: bare });

    expect([fields.isApplied, fields.managerOf("/spec/selector")]).toEqual([false, undefined]);
  });

  it("survive managedFields that hold nonsense", () => {
    const managedFields = [null, 1, { manager: "argocd-controller", fieldsV1: { "f:spec": { "k:{": {}, "v:": 3 } } }];
    const fields = gitFieldsOf({ ...DEPLOYMENT, metadata: { name: "web", managedFields }, spec: [1, 2] });

    expect(fields.managerOf("/spec/0")).toBeUndefined();
  });
});
