import { describe, expect, it } from "vitest";
import { contentDigest, jsonDigest, sha256 } from "./digest.ts";
import type { KubeObject } from "./object.ts";

const OBJECT: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "b", labels: { app: "x" }, annotations: { note: "y" } },
  data: { color: "blue" },
};

function withMetadata(metadata: Record<string, unknown>): KubeObject {
  return { ...OBJECT, metadata: { ...OBJECT.metadata, ...metadata } };
}

describe("contentDigest", () => {
  const same: readonly (readonly [what: string, object: KubeObject])[] = [
    ["a status", { ...OBJECT, status: { phase: "x" } }],
    [
      "what the server keeps",
      withMetadata({
        uid: "u",
        resourceVersion: "1",
        generation: 2,
        creationTimestamp: "t",
        managedFields: [],
        selfLink: "s",
        generateName: "g",
      }),
    ],
    ["a deletion", withMetadata({ deletionTimestamp: "t", deletionGracePeriodSeconds: 30 })],
    ["owners", withMetadata({ ownerReferences: [{ apiVersion: "v1", kind: "A", name: "a", uid: "u" }] })],
    [
      "the labels of a restore",
      withMetadata({ labels: { app: "x", "velero.io/backup-name": "b", "velero.io/restore-name": "r" } }),
    ],
    [
      "the order of fields",
      { data: { color: "blue" }, metadata: OBJECT.metadata, kind: "ConfigMap", apiVersion: "v1" },
    ],
  ];

  it.each(same)("is the same whatever %s says", (_what, object) => {
    expect(contentDigest(object)).toBe(contentDigest(OBJECT));
  });

  const different: readonly (readonly [what: string, object: KubeObject])[] = [
    ["data", { ...OBJECT, data: { color: "red" } }],
    ["a label", withMetadata({ labels: { app: "z" } })],
    ["an annotation", withMetadata({ annotations: {} })],
    ["a finalizer", withMetadata({ finalizers: ["a"] })],
    ["the namespace", withMetadata({ namespace: "c" })],
    ["the version", { ...OBJECT, apiVersion: "v2" }],
  ];

  it.each(different)("is another when %s differs", (_what, object) => {
    expect(contentDigest(object)).not.toBe(contentDigest(OBJECT));
  });

  it("is the same without labels and with those of a restore only", () => {
    const bare: KubeObject = { ...OBJECT, metadata: { name: "a" } };
    const labelled: KubeObject = { ...OBJECT, metadata: { name: "a", labels: { "velero.io/backup-name": "b" } } };

    expect(contentDigest(labelled)).toBe(contentDigest(bare));
  });
});

describe("digests", () => {
  it("are lower-case hex", () => {
    expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(jsonDigest({ b: 1, a: 2 })).toBe(sha256('{"a":2,"b":1}'));
  });
});
