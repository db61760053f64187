import { describe, expect, it } from "vitest";
import type { ResourceModifierRule } from "../api/kinds.generated.ts";
import type { KubeObject } from "../api/object.ts";
import { parseModifierConfigMap } from "./modifier-rules.ts";
import { createModifiers, patchValue } from "./modifiers.ts";

const OBJECT: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "app-one", namespace: "ns", labels: { tier: "gold" } },
  data: { mode: "dev" },
};

function apply(
  rules: readonly ResourceModifierRule[],
  resource = "configmaps",
): { data: unknown; errors: readonly string[] } {
  const { object, errors } = createModifiers(rules).apply(resource, "ns", OBJECT);
  return { data: object.data, errors };
}

const add = [{ operation: "add" as const, path: "/data/x", value: "y" }];

describe("resource modifiers", () => {
  it.each([
    ["42", 42],
    ["-15", -15],
    ["true", true],
    ["-1.5", -1.5],
    ["null", null],
    ['{"a":1}', { a: 1 }],
    ['"42"', "42"],
    ["truely", "truely"],
    ["two words", "two words"],
    ["", ""],
    ["1.0.0", "1.0.0"],
    ["1e999", "1e999"],
    ["two\\nlines", "two\nlines"],
    ['"true"', "true"],
  ])("reads the value %j as Velero does", (text, expected) => {
    expect(patchValue(text)).toEqual(expected);
  });

  it.each(["True", "+1", "01", ".5", "Inf", 'say "hi"', "two\nlines", "{a"])(
    "leaves a rule out with an error for the value %j, which Velero's splicing makes no JSON",
    (value) => {
      const conditions = { groupResource: "configmaps" };

      const { data, errors } = apply([{ conditions, patches: [{ operation: "add", path: "/data/x", value }] }]);

      expect([data, errors.length]).toEqual([{ mode: "dev" }, 1]);
    },
  );

  it.each([
    ["the group by a glob that stops at dots", { groupResource: "*.apps" }, "deployments.apps", true],
    ["alternatives", { groupResource: "{daemonsets,deployments}.apps" }, "deployments.apps", true],
    ["alternatives with dots", { groupResource: "{secrets,deployments.apps}" }, "deployments.apps", true],
    ["two stars, which cross dots", { groupResource: "**" }, "deployments.apps", true],
    ["one character", { groupResource: "deployment?.app[!a]" }, "deployments.apps", true],
    ["one character that is no dot", { groupResource: "deployments?apps" }, "deployments.apps", false],
    ["the namespace by a glob", { groupResource: "configmaps", namespaces: ["n?"] }, "configmaps", true],
    ["the core group", { groupResource: "*" }, "deployments.apps", false],
    ["no short name", { groupResource: "deployments" }, "deployments.apps", false],
    ["the name, searched", { groupResource: "configmaps", resourceNameRegex: "o" }, "configmaps", true],
    ["the name, anchored", { groupResource: "configmaps", resourceNameRegex: "^one$" }, "configmaps", false],
    ["the namespace", { groupResource: "configmaps", namespaces: ["other"] }, "configmaps", false],
    ["labels", { groupResource: "configmaps", labelSelector: { matchLabels: { tier: "gold" } } }, "configmaps", true],
    ["a value", { groupResource: "configmaps", matches: [{ path: "/data/mode", value: "dev" }] }, "configmaps", true],
    [
      "null where there is nothing",
      { groupResource: "configmaps", matches: [{ path: "/data/none", value: "null" }] },
      "configmaps",
      true,
    ],
    [
      "a path that is not there",
      { groupResource: "configmaps", matches: [{ path: "/data/none", value: "" }] },
      "configmaps",
      false,
    ],
  ])("matches by %s", (_name, conditions, resource, expected) => {
    expect(apply([{ conditions, patches: add }], resource).data).toEqual(
      expected ? { mode: "dev", x: "y" } : { mode: "dev" },
    );
  });

  it("leaves a rule out silently when its test fails, and with an error when it does not apply", () => {
    const conditions = { groupResource: "configmaps" };
    const failing = apply([
      { conditions, patches: [{ operation: "test", path: "/data/mode", value: "prod" }, ...add] },
      { conditions, patches: [{ operation: "remove", path: "/data/absent" }] },
      { conditions, mergePatches: [{ patchData: "data: {z: w}" }] },
    ]);

    expect(failing.data).toEqual({ mode: "dev", z: "w" });
    expect(failing.errors).toHaveLength(1);
  });

  it("decides by the unmodified object, and tells which rules matched nothing", () => {
    const conditions = { groupResource: "configmaps", matches: [{ path: "/data/x", value: "y" }] };
    const modifiers = createModifiers([
      { conditions: { groupResource: "configmaps" }, patches: add },
      { conditions, mergePatches: [{ patchData: "data: {seen: yes}" }] },
    ]);

    expect(modifiers.apply("configmaps", "ns", OBJECT).object.data).toEqual({ mode: "dev", x: "y" });
    expect(modifiers.unmatched()).toEqual([1]);
  });

  it("comes back from a hostile pattern", () => {
    const long: KubeObject = { ...OBJECT, metadata: { name: `${"a".repeat(20_000)}!` } };

    const modifiers = createModifiers([
      { conditions: { groupResource: "configmaps", resourceNameRegex: "^(a+)+$" }, patches: add },
    ]);

    // an engine that backtracks would not come back from this
    expect(modifiers.apply("configmaps", "ns", long).object).toEqual(long);
  });

  it.each([
    [
      "another version",
      "version: v9\nresourceModifierRules: [{conditions: {groupResource: pods}, patches: [{operation: add, path: /a, value: b}]}]",
      /version/,
    ],
    ["no rules", "version: v1\nresourceModifierRules: []", /no rule/],
    [
      "an operation that is none",
      "version: v1\nresourceModifierRules: [{conditions: {groupResource: pods}, patches: [{operation: swap, path: /a}]}]",
      /swap/,
    ],
    [
      "an unknown field",
      "version: v1\nresourceModifierRules: [{conditions: {groupResource: pods, colour: red}, mergePatches: [{patchData: '{}'}]}]",
      /colour/,
    ],
    [
      "two families",
      "version: v1\nresourceModifierRules: [{conditions: {groupResource: pods}, patches: [{operation: add, path: /a}], mergePatches: [{patchData: '{}'}]}]",
      /more than one/,
    ],
  ])("refuses a ConfigMap with %s", (_name, text, expected) => {
    const parsed = parseModifierConfigMap({ "rules.yaml": text });

    expect(parsed.type === "invalid" ? parsed.problems.join() : "").toMatch(expected);
  });
});
