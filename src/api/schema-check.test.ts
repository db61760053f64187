import { describe, expect, it } from "vitest";
import { pickKnownFields, schemaFindings } from "./schema-check.ts";

describe("pickKnownFields", () => {
  it("leaves out what Velero has and we have not, at any depth", () => {
    const velero = {
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "Backup",
      metadata: { name: "b", labels: { a: "b" } },
      spec: {
        metadata: {},
        ttl: "720h0m0s",
        includedNamespaces: ["*"],
        csiSnapshotTimeout: "10m0s",
        hooks: { resources: [{ name: "h", pre: [{ exec: { command: ["a"], unknown: 1 } }] }] },
        labelSelector: { matchLabels: { any: "thing" } },
        orderedResources: { pods: "a/b" },
      },
      status: { phase: "Completed", queuePosition: 1, progress: { totalItems: 1 } },
    };

    const picked = pickKnownFields("Backup", velero);

    expect(picked).toEqual({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "Backup",
      metadata: { name: "b", labels: { a: "b" } },
      spec: {
        ttl: "720h0m0s",
        includedNamespaces: ["*"],
        hooks: { resources: [{ name: "h", pre: [{ exec: { command: ["a"] } }] }] },
        labelSelector: { matchLabels: { any: "thing" } },
        orderedResources: { pods: "a/b" },
      },
      status: { phase: "Completed", progress: { totalItems: 1 } },
    });
    expect(schemaFindings("Backup", picked)).toEqual([]);
  });

  it("keeps containers as they are", () => {
    const container = { name: "i", image: "a", command: ["b"], env: [{ name: "A", value: "1" }] };
    const spec = {
      source: { backupName: "b" },
      hooks: { resources: [{ name: "h", postHooks: [{ init: { initContainers: [container] } }] }] },
    };

    expect(pickKnownFields("RestorePlan", { spec })).toEqual({ spec });
  });
});

describe("schemaFindings", () => {
  const object = (spec: unknown): object => ({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata: { name: "b" },
    spec,
  });

  it("say where and what", () => {
    expect(
      schemaFindings("Backup", object({ hooks: { resources: [{ name: "h", pre: [{ exec: { command: "a" } }] }] } })),
    ).toEqual([
      {
        code: "WrongType",
        message: 'spec.hooks.resources[0].pre[0].exec.command must be a list, not the text "a"',
        path: ["spec", "hooks", "resources", 0, "pre", 0, "exec", "command"],
      },
    ]);
  });

  it("are not endless", () => {
    expect(schemaFindings("Backup", object({ includedNamespaces: Array(1000).fill(1) }))).toHaveLength(50);
  });

  it("check the times in a status", () => {
    const withStatus = { ...object({}), status: { startTimestamp: "yesterday" } };

    expect(schemaFindings("Backup", withStatus)).toMatchObject([
      { message: expect.stringContaining("a time such as 2026-01-31T03:00:00Z") },
    ]);
  });
});
