import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { strategicMerge } from "./strategic-merge.ts";

const deployment: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", finalizers: ["a"] },
  spec: {
    replicas: 2,
    containers: [
      {
        name: "main",
        image: "i:1",
        env: [
          { name: "A", value: "a" },
          { name: "B", value: "b" },
        ],
        args: ["x"],
      },
      { name: "side", image: "s" },
    ],
  },
};

function merged(patch: unknown): unknown {
  return strategicMerge(deployment, patch).spec;
}

describe("strategic merge", () => {
  it("merges containers by name and deletes by directive, in the API server's order", () => {
    const patch = {
      spec: {
        containers: [
          {
            name: "main",
            image: "i:2",
            env: [
              { name: "B", $patch: "delete" },
              { name: "C", value: "c" },
            ],
          },
        ],
      },
    };

    expect(merged(patch)).toEqual({
      replicas: 2,
      containers: [
        {
          name: "main",
          image: "i:2",
          env: [
            { name: "C", value: "c" },
            { name: "A", value: "a" },
          ],
          args: ["x"],
        },
        { name: "side", image: "s" },
      ],
    });
  });

  it.each([
    ["replaces plain lists whole", { spec: { containers: [{ name: "main", args: ["y", "z"] }] } }, "args", ["y", "z"]],
    ["removes with null", { spec: { containers: [{ name: "main", args: null }] } }, "args", undefined],
    [
      "deletes from a plain list",
      { spec: { containers: [{ name: "main", "$deleteFromPrimitiveList/args": ["x"] }] } },
      "args",
      [],
    ],
  ])("%s", (_name, patch, field, expected) => {
    const { containers } = merged(patch) as { containers: Record<string, unknown>[] };

    expect(containers[0]?.[field]).toEqual(expected);
  });

  it("replaces by directive", () => {
    expect(merged({ spec: { $patch: "replace", replicas: 1 } })).toEqual({ replicas: 1 });
  });

  it("refuses custom kinds, whose lists it does not know", () => {
    const custom: KubeObject = { apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "x" } };

    expect(() => strategicMerge(custom, {})).toThrow(/built-in kinds only/);
  });
});
