import { describe, expect, it } from "vitest";
import { GIT_SOURCE_ANNOTATION, REVISION_ANNOTATION } from "../api/annotations.ts";
import { formatKey, type KubeObject, keyOf } from "../api/object.ts";
import { applyPatch, type PatchOperation } from "../api/patch.ts";
import { type DesiredDocument, declaredObjects, planSync, type SyncInput } from "./sync-plan.ts";

function policy(name: string, spec: object, metadata: Partial<KubeObject["metadata"]> = {}): KubeObject {
  return {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "BackupPolicy",
    metadata: { name, namespace: "holdfast", ...metadata },
    spec,
  };
}

function document(object: KubeObject): DesiredDocument {
  return { object, file: `${object.metadata.name}.yaml`, line: 1 };
}

function live(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: "7", uid: `uid-${object.metadata.name}` } };
}

function inputOf(desired: KubeObject[], cluster: KubeObject[], more: Partial<SyncInput> = {}): SyncInput {
  const objects = new Map(cluster.map((object) => [`${object.kind} ${formatKey(keyOf(object))}`, object]));
  return {
    source: "holdfast/main",
    cluster: "testbed",
    revision: "c".repeat(40),
    desired: desired.map(document),
    previous: undefined,
    live: (kind, key) => objects.get(`${kind} ${formatKey(key)}`),
    declaredBy: () => undefined,
    prune: false,
    isPruneBlocked: false,
    deletions: { recent: 0, allowed: undefined },
    ...more,
  };
}

describe("Git against the cluster", () => {
  it("creates what is not there, with where it comes from", () => {
    const plan = planSync(inputOf([policy("shop", { schedules: [] })], []));

    expect(plan.actions).toHaveLength(1);
    expect(plan.actions[0]).toMatchObject({
      type: "create",
      object: {
        metadata: { annotations: { [GIT_SOURCE_ANNOTATION]: "holdfast/main", [REVISION_ANNOTATION]: "c".repeat(40) } },
      },
    });
  });

  it("writes nothing where spec and named labels are equal, whatever else the object carries", () => {
    const desired = policy("shop", { schedules: [] }, { labels: { team: "a" } });
    const existing = live(
      policy("shop", { schedules: [] }, { labels: { team: "a", other: "b" }, annotations: { seen: "yes" } }),
    );

    const plan = planSync(inputOf([desired], [existing]));

    expect([plan.actions, plan.unchanged]).toEqual([[], 1]);
  });

  it("replaces spec whole, and takes back a label that the document named before", () => {
    const before = policy("shop", { suspend: true, schedules: [] }, { labels: { old: "x", team: "a" } });
    const desired = policy("shop", { schedules: [] }, { labels: { team: "a" } });
    const existing = live(
      policy("shop", { suspend: true, schedules: [] }, { labels: { old: "x", team: "a", foreign: "y" } }),
    );

    const plan = planSync(inputOf([desired], [existing], { previous: declaredObjects([document(before)]) }));

    const [action] = plan.actions;
    const operations = (
      action?.type === "patch" && action.patch.type === "json" ? action.patch.operations : []
    ) as PatchOperation[];
    const applied = applyPatch(existing, operations);
    expect(operations[0]).toEqual({ op: "test", path: "/metadata/resourceVersion", value: "7" });
    expect(applied.spec).toEqual({ schedules: [] });
    expect(applied.metadata.labels).toEqual({ team: "a", foreign: "y" });
  });

  it("leaves an object to the source that has it, and prunes it for neither", () => {
    const existing = live(
      policy("shop", { schedules: [] }, { annotations: { [GIT_SOURCE_ANNOTATION]: "holdfast/other" } }),
    );
    const more = { declaredBy: () => "holdfast/other", prune: true, previous: declaredObjects([document(existing)]) };

    const declared = planSync(inputOf([policy("shop", { schedules: [1] })], [existing], more));
    const gone = planSync(inputOf([policy("more", {})], [existing], more));

    expect(declared.actions).toMatchObject([{ type: "conflict", owner: "holdfast/other" }]);
    expect(gone.actions.filter(({ type }) => type === "prune")).toEqual([]);
  });
});

describe("pruning", () => {
  const kept = [1, 2, 3].map((at) => policy(`kept-${at}`, {}));
  const gone = live(policy("gone", { a: 1 }));
  const cluster = [...kept.map(live), gone];
  const previous = declaredObjects([...kept, policy("gone", { a: 1 })].map(document));

  it("deletes what the source declared at the last applied commit and declares no more", () => {
    const plan = planSync(inputOf(kept, cluster, { prune: true, previous }));

    expect(plan.actions).toMatchObject([{ type: "prune", live: { metadata: { name: "gone" } } }]);
  });

  const spared: [string, Partial<SyncInput>][] = [
    ["without prune", { prune: false, previous }],
    ["when the last commit is not known", { prune: true, previous: undefined }],
    [
      "when the object is not what the source declared",
      { prune: true, previous: declaredObjects([...kept, policy("gone", { a: 2 })].map(document)) },
    ],
    ["while a file is bad", { prune: true, previous, isPruneBlocked: true }],
  ];
  it.each(spared)("deletes nothing %s", (_name, more) => {
    const plan = planSync(inputOf(kept, cluster, more));

    expect(plan.actions).toEqual([]);
  });

  it("holds a mass deletion and lets exactly that set through", () => {
    const many = Array.from({ length: 12 }, (_each, at) => policy(`many-${at}`, { at }));
    const more = { prune: true, previous: declaredObjects([...kept, ...many].map(document)) };

    const held = planSync(inputOf(kept, [...kept, ...many].map(live), more));
    const allowed = { ...more, deletions: { recent: 0, allowed: held.held?.digest } };
    const through = planSync(inputOf(kept, [...kept, ...many].map(live), allowed));
    const other = planSync(inputOf(kept, [...kept, ...many.slice(1)].map(live), allowed));

    expect([held.actions.length, held.held?.objects.length]).toEqual([0, 12]);
    expect(through.actions).toHaveLength(12);
    expect([other.actions.length, other.held?.objects.length]).toEqual([0, 11]);
  });
});
