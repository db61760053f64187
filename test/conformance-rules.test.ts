/** The rules of the conformance runner excuse what their reasons say, and nothing beside it. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../src/api/object.ts";
import type { ObjectRecord } from "../src/restore/types.ts";
import type { RecordedBackup } from "./conformance/backup-case.ts";
import { BACKUP_DIFFERENCES } from "./conformance/backup-differences.ts";
import { ruleFor } from "./conformance/differences.ts";
import { type Comparison, type Difference, nameOfObject } from "./conformance/restore-compare.ts";

const READY = { phase: "Completed", errors: 0 };

function object(kind: string, name: string, fields: object, metadata: object = {}): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name, namespace: "a", ...metadata }, ...fields } as KubeObject;
}

/** One restored object: as archived, as it stands, and what became of it. */
function comparison(
  archived: readonly KubeObject[],
  live: readonly KubeObject[],
  record: Partial<ObjectRecord> = { outcome: "unchanged" },
  { spec = {}, outcome = READY, phase = "Completed" }: { spec?: object; outcome?: object; phase?: string } = {},
): Comparison {
  const named = (objects: readonly KubeObject[]) => new Map(objects.map((each) => [nameOfObject(each), each]));
  const records = live.map((each): [string, ObjectRecord] => [
    nameOfObject(each),
    { kind: each.kind, name: each.metadata.name, namespace: each.metadata.namespace ?? "", ...record } as ObjectRecord,
  ]);
  return {
    outcome,
    records: new Map(records),
    archived: named(archived),
    live: named(live),
    recorded: { spec, results: { phase } },
  } as unknown as Comparison;
}

function skipped(name: string): Difference {
  return { type: "outcome", object: name, recorded: "failed", ours: "skipped" };
}

const ports = (nodePort: number, more: object = {}) => ({
  spec: { type: "NodePort", clusterIP: "10.0.0.1", ports: [{ port: 80, protocol: "TCP", nodePort }], ...more },
});
const chosen = {
  managedFields: [
    { fieldsV1: { "f:spec": { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { "f:nodePort": {} } } } } },
  ],
};
const claimed = (uid: string, phase: string) => ({
  spec: { claimRef: { namespace: "a", name: "c", uid } },
  status: { phase },
});
const volumes = (name: string) => ({ spec: { volumes: [{ name }] } });

describe("assigned-fields", () => {
  it.each<[string, string, object, object, object, boolean]>([
    ["an assigned node port", "Service", ports(30001), ports(30002), {}, true],
    ["a chosen node port", "Service", ports(30001), ports(30002), chosen, false],
    ["a selector", "Service", ports(30001), ports(30002, { selector: { a: "b" } }), {}, false],
    ["a token volume", "Pod", volumes("kube-api-access-aaaaa"), volumes("kube-api-access-bbbbb"), {}, true],
    ["any other volume", "Pod", volumes("data"), volumes("cache"), {}, false],
    ["the claim of a bound volume", "PersistentVolume", claimed("u1", "Bound"), claimed("u2", "Bound"), {}, true],
    ["that of a released one", "PersistentVolume", claimed("u1", "Bound"), claimed("u2", "Released"), {}, false],
    ["a Secret's data", "Secret", { data: { token: "a" } }, { data: { token: "b" } }, {}, false],
    ["nothing at all", "Service", ports(30001), ports(30001), {}, false],
  ])("of %s", (_name, kind, before, after, metadata, isCovered) => {
    const [archived, live] = [object(kind, "x", before, metadata), object(kind, "x", after, metadata)];

    const rule = ruleFor(skipped(nameOfObject(live)), comparison([archived], [live]));

    expect(rule?.id === "assigned-fields").toBe(isCovered);
  });

  it("takes a whole map for its keys", () => {
    const live = object("PersistentVolume", "v", claimed("u", "Bound"), { namespace: undefined });
    const world = comparison([live], [live], { outcome: "labelled" });
    const field = (ours: object): Difference => ({
      type: "field",
      object: "PersistentVolume v",
      path: "/metadata/annotations",
      recorded: undefined,
      ours,
    });

    expect(ruleFor(field({ "pv.kubernetes.io/bound-by-controller": "yes" }), world)?.id).toBe("assigned-fields");
    expect(ruleFor(field({ "pv.kubernetes.io/bound-by-controller": "yes", "a.person/wrote": "1" }), world)).toBe(
      undefined,
    );
  });
});

describe("refused-spec", () => {
  const run = (spec: object, problem: string, phase: string, difference: Difference) =>
    ruleFor(
      difference,
      comparison([], [], {}, { spec, phase, outcome: { phase: "FailedValidation", validationErrors: [problem] } }),
    )?.id;
  const missing: Difference = { type: "missing", object: "ConfigMap a/x" };
  const extra: Difference = { type: "extra", object: "ConfigMap a/x" };
  const named = { includedNamespaces: ["Not_A_Name"] };
  const secret = { resourceModifier: { kind: "Secret", name: "m" } };
  const absent = "failed to get resource modifiers configmap m";
  it.each<[string, object, string, string, Difference, boolean]>([
    ["a name that can't be", named, 'invalid namespace "Not_A_Name": why', "Completed", missing, true],
    ["a name that can", { includedNamespaces: ["a"] }, 'invalid namespace "a": why', "Completed", missing, false],
    ["what Velero refuses too", named, 'invalid namespace "Not_A_Name": why', "FailedValidation", missing, false],
    ["an object that was made", named, 'invalid namespace "Not_A_Name": why', "Completed", extra, false],
    ["a modifier of another kind", secret, absent, "Completed", missing, true],
    ["any other problem with it", secret, "modifiers[0]: no patch", "Completed", missing, false],
    ["a ConfigMap that is not there", { resourceModifier: { name: "m" } }, absent, "Completed", missing, false],
    [
      "a selector without values",
      { labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
      "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty (key a)",
      "PartiallyFailed",
      missing,
      true,
    ],
  ])("of %s", (_name, spec, problem, phase, difference, isCovered) => {
    expect(run(spec, problem, phase, difference) === "refused-spec").toBe(isCovered);
  });
});

describe("filters of a restore's policy", () => {
  const service = (apiVersion: string): KubeObject => ({ ...object("Service", apiVersion, {}), apiVersion });
  const groups = [service("v1"), service("serving.example.com/v1")];
  const filtered = { spec: { resourcePolicy: { kind: "configmap", name: "p" } } };
  const missing: Difference = { type: "missing", object: "Service a/v1" };
  const message = (text: string): Difference => ({
    ...{ type: "message", level: "warning", place: "velero", name: "", side: "ours" },
    ...{ text },
  });
  const ambiguous = { outcome: { phase: "Failed", failureReason: "resourcePolicy: x: ambiguous policy: y" } };
  const phase: Difference = { type: "phase", recorded: "PartiallyFailed", ours: "Failed" };
  it.each<[string, Difference, Comparison, string | undefined]>([
    ["a kind of two groups", missing, comparison(groups, [], {}, filtered), "filter-of-one-group"],
    ["a kind of one", missing, comparison(groups.slice(1), [], {}, filtered), undefined],
    ["two groups and no policy", missing, comparison(groups, []), undefined],
    ["an idle filter", message("resourcePolicy: x does nothing"), comparison([], [], {}, filtered), "idle-filter"],
    ["any other warning", message("something else"), comparison([], [], {}, filtered), undefined],
    [
      "one resource twice",
      phase,
      comparison([], [], {}, { ...ambiguous, phase: "PartiallyFailed" }),
      "ambiguous-policy",
    ],
    ["what Velero completes", phase, comparison([], [], {}, ambiguous), undefined],
  ])("excuse %s by its own rule, or not at all", (_what, difference, world, rule) => {
    expect(ruleFor(difference, world)?.id).toBe(rule);
  });
});

describe("claim-brings-no-pod", () => {
  const pod = (name: string, labels: object, claimName: string) =>
    object(
      "Pod",
      name,
      { spec: { priorityClassName: "high", volumes: [{ persistentVolumeClaim: { claimName } }] } },
      { labels },
    );
  const recorded = {
    name: "b",
    phase: "Completed",
    warnings: {},
    errors: {},
    execs: undefined,
    resourceList: undefined,
    policy: undefined,
    labelledOut: [],
    spec: { labelSelector: { matchLabels: { app: "web" } } },
    tarEntries: ["resources/persistentvolumeclaims/namespaces/a/data.json"],
    applied: [
      pod("mounts", {}, "data"),
      pod("chosen", { app: "web" }, "data"),
      pod("other", {}, "data-2"),
      object("StatefulSet", "set", { spec: { template: pod("", {}, "data") } }),
    ],
  } satisfies RecordedBackup;
  it.each([
    ["pods/namespaces/a/mounts", true],
    ["pods/namespaces/a/set-*", true],
    ["priorityclasses.scheduling.k8s.io/cluster/high", true],
    ["pods/namespaces/a/chosen", false],
    ["pods/namespaces/a/other", false],
    ["pods/namespaces/b/mounts", false],
    ["priorityclasses.scheduling.k8s.io/cluster/low", false],
    ["configmaps/namespaces/a/mounts", false],
  ])("of %s", (detail, isExplained) => {
    const rule = BACKUP_DIFFERENCES.find((each) => each.explains({ type: "missing", detail }, recorded));

    expect(rule?.id === "claim-brings-no-pod").toBe(isExplained);
  });
});

it("one-place: speaks of objects that a mapping brings together only", () => {
  const both = ["a", "b"].map((namespace) => object("ConfigMap", "x", {}, { namespace }));
  const alone = object("ConfigMap", "y", {});
  const live = [both[0], alone].map(
    (each) => ({ ...each, metadata: { ...each?.metadata, namespace: "t" } }) as KubeObject,
  );
  const spec = { namespaceMapping: { a: "t", b: "t" } };
  const world = comparison([...both, alone], live, { outcome: "skipped", reason: "Collision" }, { spec });

  expect(ruleFor(skipped("ConfigMap t/x"), world)?.id).toBe("one-place");
  expect(ruleFor(skipped("ConfigMap t/y"), world)).toBe(undefined);
});

it("more-policies: covers a run of recreate or fail that Velero refuses, and no other", () => {
  const extra: Difference = { type: "extra", object: "ConfigMap a/x" };
  const world = (existingResourcePolicy: string, phase: string) =>
    comparison([], [], {}, { spec: { existingResourcePolicy }, phase });

  expect(ruleFor(extra, world("recreate", "FailedValidation"))?.id).toBe("more-policies");
  expect(ruleFor(extra, world("recreate", "Completed"))).toBe(undefined);
  expect(ruleFor(extra, world("update", "FailedValidation"))).toBe(undefined);
});
