import { describe, expect, it } from "vitest";
import { parseResourcePolicy } from "./resource-policy.ts";

const parse = (text: string) => parseResourcePolicy({ policy: `version: v1\n${text}` });
const namespaced = (filters: string, namespaces = "[a]"): string =>
  `namespacedFilterPolicies: [{namespaces: ${namespaces}, resourceFilters: ${filters}}]`;
const cluster = (filters: string): string => `clusterScopedFilterPolicy: {resourceFilters: ${filters}}`;

describe("fine-grained filters are read", () => {
  it("with texts as they are written, and an empty selector as none", () => {
    const parsed = parse(
      namespaced(
        '[{kinds: [Pod, v1.10], labelSelector: {matchLabels: {release: 1.10, on: true}, matchExpressions: [{key: tier, operator: In, values: [1, two]}]}, names: [app-*, 7]}, {kinds: ["*"], orLabelSelectors: [{}, {matchLabels: {a: b}}]}]',
        '["team-*", b]',
      ),
    );

    expect(parsed).toMatchObject({
      policy: {
        clusterScopedFilters: [],
        namespacedFilters: [
          {
            namespaces: ["team-*", "b"],
            filters: [
              {
                kinds: ["Pod", "v1.10"],
                selectors: [
                  {
                    matchLabels: { release: "1.10", on: "true" },
                    matchExpressions: [{ key: "tier", operator: "In", values: ["1", "two"] }],
                  },
                ],
                names: ["app-*", "7"],
                excludedNames: [],
              },
              { kinds: [], selectors: [{ matchLabels: { a: "b" } }], names: [], excludedNames: [] },
            ],
          },
        ],
      },
    });
  });

  it.each([
    ["no kinds are all kinds", namespaced("[{labelSelector: {matchLabels: {a: b}}}]"), []],
    ["so is an asterisk", namespaced('[{kinds: ["*"]}]'), []],
    ["absent sections are empty", "volumePolicies:\nnamespacedFilterPolicies:\nclusterScopedFilterPolicy:", undefined],
  ])("%s", (_what, text, kinds) => {
    const parsed = parse(text);

    expect(parsed.type === "parsed" && parsed.policy.namespacedFilters[0]?.filters[0]?.kinds).toEqual(kinds);
  });
});

describe("fine-grained filters are refused", () => {
  it.each([
    [namespaced("[{}]", "[]"), /^namespacedFilterPolicies\[0\]: at least one namespace must be specified/],
    [namespaced("[]"), /^namespacedFilterPolicies\[0\]: at least one resourceFilter must be specified/],
    [namespaced("[{}]", '["a**"]'), /^namespacedFilterPolicies\[0\]\.namespaces\[0\]: .*consecutive asterisks/],
    [namespaced("[{}]", '[b, "a["]'), /^namespacedFilterPolicies\[0\]\.namespaces\[1\]: .*unclosed brackets/],
    [namespaced("[{}]", "[a, b, a]"), /duplicate namespace pattern 'a' found in policies \[0 0\]: name it once$/],
    [
      namespaced('[{}, {kinds: ["*"]}]'),
      /^namespacedFilterPolicies\[0\]: only one catch-all resource filter is allowed/,
    ],
    [
      namespaced("[{kinds: [Pod]}, {excludedNames: [b]}]"),
      /^namespacedFilterPolicies\[0\]\.resourceFilters\[1\]: names or excludedNames cannot be specified for catch-all/,
    ],
    [
      namespaced("[{kinds: [Pod]}, {kinds: [Secret, Pod]}]"),
      /kind "Pod" appears in both resourceFilters\[0\] and resourceFilters\[1\]: name it once$/,
    ],
    [
      namespaced("[{kinds: [Pod], labelSelector: {matchLabels: {a: b}}, orLabelSelectors: [{}]}]"),
      /resourceFilters\[0\]: labelSelector and orLabelSelectors cannot co-exist: keep one of them$/,
    ],
    [
      namespaced("[{kinds: [Pod], labelSelector: {matchExpressions: [{key: a, operator: Like}]}}]"),
      /resourceFilters\[0\]\.labelSelector: invalid label selector: "Like" is not a valid/,
    ],
    [
      namespaced("[{kinds: [Pod], orLabelSelectors: [{matchLabels: {a: b}}, {matchLabels: {'a b': c}}]}]"),
      /resourceFilters\[0\]\.orLabelSelectors\[1\]: invalid label selector: key: Invalid value: "a b"/,
    ],
    [
      namespaced("[{kinds: [Pod], labelSelector: {matchLabels: {a: -b}}}]"),
      /labelSelector: invalid label selector: values: Invalid value: "-b": .*\(key a\)$/,
    ],
    [namespaced("[{kinds: [Pod], names: [a, 'b[']}]"), /resourceFilters\[0\]\.names\[1\]: invalid glob pattern "b\["/],
    [namespaced("[{kinds: [Pod], excludedNames: ['{b']}]"), /excludedNames\[0\]: invalid glob pattern "\{b": a brace/],
    [namespaced("[{kind: [Pod]}]"), /unknown field namespacedFilterPolicies\[0\]\.resourceFilters\[0\]\.kind$/],
    [namespaced("[{labelSelector: {labels: {}}}]"), /unknown field .*resourceFilters\[0\]\.labelSelector\.labels$/],
    [namespaced("[{kinds: Pod}]"), /resourceFilters\[0\]\.kinds must be a list$/],
    ["namespacedFilterPolicies: [{namespace: [a]}]", /unknown field namespacedFilterPolicies\[0\]\.namespace$/],
    ["clusterScopedFilterPolicy: {}", /^clusterScopedFilterPolicy: resourceFilters cannot be empty; remove the policy/],
    [cluster("[{kinds: [Node]}, {}]"), /^clusterScopedFilterPolicy\.resourceFilters\[1\]: kinds must be specified/],
    [cluster('[{kinds: ["*"]}]'), /^clusterScopedFilterPolicy\.resourceFilters\[0\]: kinds must be specified/],
    [
      cluster("[{kinds: [Node, Node]}]"),
      /^clusterScopedFilterPolicy: kind "Node" appears in both resourceFilters\[0\]/,
    ],
  ])("%s", (text, problem) => {
    expect(parse(text)).toEqual({ type: "refused", problem: expect.stringMatching(problem) });
  });
});
