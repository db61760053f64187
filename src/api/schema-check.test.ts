import { describe, expect, it } from "vitest";
import { schemaFindings } from "./schema-check.ts";

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
