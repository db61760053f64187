import { describe, expect, it } from "vitest";
import {
  expandNamespaces,
  includeExcludeProblems,
  nameFilter,
  namespaceListProblems,
  scopedIncludeExcludeProblems,
} from "./include-exclude.ts";
import { resourceResolver } from "./resource-name.ts";

const lists = (includes: string[], excludes: string[] = []) => ({ includes, excludes });

describe("nameFilter", () => {
  it.each([
    ["empty lists take everything", lists([]), "a", true, true],
    ["a star takes everything", lists(["*"]), "a", true, true],
    ["an exclude wins over a star", lists(["*"], ["a"]), "a", false, false],
    ["a name takes itself", lists(["a"]), "a", true, false],
    ["a name takes nothing else", lists(["a"]), "b", false, false],
    ["a glob crosses dots", lists(["*.io"]), "x.k8s.io", true, false],
    ["an exclude may be a glob", lists([], ["*.apps"]), "deployments.apps", false, false],
  ])("%s", (_name, pair, name, included, everything) => {
    const filter = nameFilter(pair);

    expect([filter.includes(name), filter.everything]).toEqual([included, everything]);
  });
});

describe("validation of lists speaks as Velero does", () => {
  it.each([
    [lists(["*", "a"]), ["includes list must either contain '*' only, or a non-empty list of items"]],
    [lists(["a"], ["*"]), ["excludes list cannot contain '*'"]],
    [lists(["a", "b"], ["b"]), ["excludes list cannot contain an item in the includes list: b"]],
    [lists(["a"], ["b"]), []],
  ])("%j", (pair, problems) => {
    expect(includeExcludeProblems(pair)).toEqual(problems);
  });

  it.each([
    [lists([], ["*"]), []],
    [lists([], ["*", "a"]), ["excludes list must either contain '*' only, or a non-empty list of items"]],
    [lists(["a"], ["*"]), ["when exclude is '*', include cannot have value"]],
  ])("scoped %j", (pair, problems) => {
    expect(scopedIncludeExcludeProblems(pair)).toEqual(problems);
  });

  it.each([
    ["Bad_Name", /^invalid namespace "Bad_Name": a lowercase RFC 1123 label must consist of/],
    ["a**", /consecutive asterisks/],
    ["a[", /unclosed brackets/],
    ["[^a]*", /lowercase RFC 1123 label/],
    ["[A-Z]x", /lowercase RFC 1123 label/],
    ["a[]", /empty brackets/],
    ["a(b)*", /unsupported characters/],
    ["a".repeat(64), /no more than 63 characters/],
  ])("namespace %s is refused", (entry, message) => {
    expect(namespaceListProblems(lists([entry]))).toEqual([expect.stringMatching(message)]);
  });

  it.each(["a", "a-*", "*", "app-?", "app-[ab]", "s22-{app-a,db}", ""])("namespace %s is accepted", (entry) => {
    expect(namespaceListProblems(lists([entry]))).toEqual([]);
  });
});

describe("expandNamespaces", () => {
  const existing = ["app-a", "app-b", "db", "kube-system"];

  it.each([
    ["no includes: all", lists([]), undefined, []],
    ["a star: all but the excluded", lists(["*"], ["app-*"]), undefined, []],
    ["a pattern", lists(["app-*"]), ["app-a", "app-b"], []],
    ["a pattern and an exclude", lists(["app-*"], ["app-b"]), ["app-a"], []],
    ["a missing name stays, and is told", lists(["db", "gone"]), ["db", "gone"], ["gone"]],
  ])("%s", (_name, pair, included, missing) => {
    const expanded = expandNamespaces(pair, existing);

    expect([expanded.included, expanded.missing, expanded.matchedNothing]).toEqual([included, missing, false]);
  });

  it("takes nothing, not everything, when no pattern matched", () => {
    const expanded = expandNamespaces(lists(["nothing-*"]), existing);

    expect(expanded.matchedNothing).toBe(true);
    expect(existing.filter(expanded.filter.includes)).toEqual([]);
  });
});

describe("resourceResolver", () => {
  const resolve = resourceResolver([
    { group: "", resource: "events", singular: "event", kind: "Event", shortNames: ["ev"] },
    { group: "events.k8s.io", resource: "events", singular: "event", kind: "Event", shortNames: ["ev"] },
    { group: "apps", resource: "deployments", singular: "deployment", kind: "Deployment", shortNames: ["deploy"] },
    { group: "networking.k8s.io", resource: "ingresses", singular: "ingress", kind: "Ingress", shortNames: ["ing"] },
    { group: "example.org", resource: "deploy", singular: "deploys", kind: "Deploy", shortNames: [] },
  ]);

  it.each([
    ["deployments", "deployments.apps"],
    ["Deployment", "deployments.apps"],
    ["deployment.apps", "deployments.apps"],
    ["ev", "events"],
    ["events.events.k8s.io", "events.events.k8s.io"],
    ["ing", "ingresses.networking.k8s.io"],
    ["ingresses.networking", "ingresses.networking.k8s.io"],
    ["deploy", "deploy.example.org"],
    ["nosuchthings", "nosuchthings"],
    ["*.apps", "*.apps"],
  ])("%s is %s", (name, full) => {
    expect(resolve(name)).toBe(full);
  });
});
