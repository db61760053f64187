import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { formatOwner, OWNER_RESOURCES, type OwnedTarget, type OwnerKind, readOwner } from "./owner.ts";
import { type OwnerWorld, ownershipOf, ownerWorld } from "./ownership.ts";
import { createOwnersTally, type OwnersMode, type PausePlan, planPauses } from "./pause-plan.ts";

interface Given {
  readonly spec?: object;
  readonly status?: object;
  readonly metadata?: object;
}

function owner(
  kind: OwnerKind,
  name: string,
  { spec = {}, status, metadata }: Given = {},
): ReturnType<typeof readOwner> {
  const { group, resource } = OWNER_RESOURCES[kind];
  const object = {
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name, namespace: "ops", ...metadata },
    spec,
    ...(status && { status }),
  } as KubeObject;
  return readOwner(kind, { group, version: "v1", resource }, object);
}

const MAP: OwnedTarget = { group: "", kind: "ConfigMap", namespace: "shop", name: "web" };

function target(metadata: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web", namespace: "shop", ...metadata } };
}

function plan(world: OwnerWorld, object: KubeObject, mode: OwnersMode = "Pause"): PausePlan {
  const tally = createOwnersTally();
  tally.add(ownershipOf(world, MAP, [object]));
  return planPauses(world, tally.found, mode);
}

const paused = ({ pauses }: PausePlan): string[] => pauses.map(formatOwner);

const ARGO_MANAGES = { resources: [{ kind: "ConfigMap", namespace: "shop", name: "web", version: "v1" }] };
const FLUX_MANAGES = { inventory: { entries: [{ id: "shop_web__ConfigMap", v: "v1" }] } };
const writtenBy = (manager: string, fieldsV1: object): object => ({ managedFields: [{ manager, fieldsV1 }] });
const SUSPEND = { "f:spec": { "f:suspend": {} } };

describe("the owners of an object", () => {
  it.each([
    ["an inventory", owner("Kustomization", "apps", { status: FLUX_MANAGES }), {}],
    ["a list of resources", owner("Application", "apps", { status: ARGO_MANAGES }), {}],
    [
      "Flux's labels",
      owner("Kustomization", "apps"),
      { labels: { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "ops" } },
    ],
    [
      "Helm's labels of Flux",
      owner("HelmRelease", "apps"),
      { labels: { "helm.toolkit.fluxcd.io/name": "apps", "helm.toolkit.fluxcd.io/namespace": "ops" } },
    ],
    [
      "a tracking id",
      owner("Application", "apps"),
      { annotations: { "argocd.argoproj.io/tracking-id": "apps:/ConfigMap:shop/web" } },
    ],
    [
      "a tracking id with a namespace",
      owner("Application", "apps"),
      { annotations: { "argocd.argoproj.io/tracking-id": "ops_apps:/ConfigMap:shop/web" } },
    ],
    [
      "the label that Argo CD had before",
      owner("Application", "apps", { spec: { destination: { namespace: "shop" } } }),
      { labels: { "app.kubernetes.io/instance": "apps" } },
    ],
  ])("are told by %s", (_what, one, metadata) => {
    expect(paused(plan(ownerWorld([one]), target(metadata)))).toEqual([formatOwner(one)]);
  });

  it.each([
    [
      "a tracking id of another object",
      { annotations: { "argocd.argoproj.io/tracking-id": "apps:/ConfigMap:shop/copy" } },
    ],
    ["a label that Helm sets too", { labels: { "app.kubernetes.io/instance": "apps" } }],
  ])("are not told by %s", (_what, metadata) => {
    const world = ownerWorld([owner("Application", "apps", { spec: { destination: { namespace: "elsewhere" } } })]);

    expect(plan(world, target(metadata)).shown).toEqual([]);
  });
});

describe("the pauses of a restore", () => {
  it("are of the parent first, where it has written the field that pauses", () => {
    const child = owner("Kustomization", "apps", {
      status: FLUX_MANAGES,
      metadata: {
        labels: { "kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "ops" },
        ...writtenBy("kustomize-controller", SUSPEND),
      },
    });
    const root = owner("Kustomization", "root");

    const { pauses, shown } = plan(ownerWorld([child, root]), target());

    expect(pauses.map(formatOwner)).toEqual(["Kustomization ops/root", "Kustomization ops/apps"]);
    expect(shown[0]?.message).toContain("it would undo the pause of Kustomization ops/apps");
  });

  it("leave a parent alone that says nothing about the field", () => {
    const labels = { "kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "ops" };
    const fields = writtenBy("kustomize-controller", { "f:spec": { "f:path": {} } });
    const child = owner("Kustomization", "apps", { status: FLUX_MANAGES, metadata: { labels, ...fields } });

    expect(paused(plan(ownerWorld([child, owner("Kustomization", "root")]), target()))).toEqual([
      "Kustomization ops/apps",
    ]);
  });

  it("end with a Kustomization that applies itself", () => {
    const labels = { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "ops" };
    const fields = writtenBy("kustomize-controller", SUSPEND);
    const self = owner("Kustomization", "apps", { status: FLUX_MANAGES, metadata: { labels, ...fields } });

    expect(paused(plan(ownerWorld([self]), target()))).toEqual(["Kustomization ops/apps"]);
  });

  it("keep an ApplicationSet from taking the annotation away", () => {
    const metadata = {
      ownerReferences: [{ kind: "ApplicationSet", name: "fleet", apiVersion: "argoproj.io/v1alpha1", uid: "1" }],
    };
    const app = owner("Application", "apps", { status: ARGO_MANAGES, metadata });
    const set = owner("ApplicationSet", "fleet");
    const createOnly = owner("ApplicationSet", "fleet", { spec: { syncPolicy: { applicationsSync: "create-only" } } });

    expect(paused(plan(ownerWorld([app, set]), target()))).toEqual([
      "ApplicationSet ops/fleet",
      "Application ops/apps",
    ]);
    expect(paused(plan(ownerWorld([app, createOnly]), target()))).toEqual(["Application ops/apps"]);
  });

  it("take an app of apps along that replaces its children whole", () => {
    const annotations = { "argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:ops/apps" };
    const app = owner("Application", "apps", { status: ARGO_MANAGES, metadata: { annotations } });
    const root = (syncOptions: string[]) => owner("Application", "root", { spec: { syncPolicy: { syncOptions } } });

    expect(paused(plan(ownerWorld([app, root(["Replace=true"])]), target()))).toEqual([
      "Application ops/root",
      "Application ops/apps",
    ]);
    expect(paused(plan(ownerWorld([app, root([])]), target()))).toEqual(["Application ops/apps"]);
  });

  it("take an app of apps along where the child asks to be replaced", () => {
    const annotations = {
      "argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:ops/apps",
      "argocd.argoproj.io/sync-options": "Prune=false, Replace=true",
    };
    const app = owner("Application", "apps", { status: ARGO_MANAGES, metadata: { annotations } });

    expect(paused(plan(ownerWorld([app, owner("Application", "root")]), target()))).toEqual([
      "Application ops/root",
      "Application ops/apps",
    ]);
  });

  it("are refused where a parent is not in this cluster", () => {
    const labels = { "kustomize.toolkit.fluxcd.io/name": "root", "kustomize.toolkit.fluxcd.io/namespace": "ops" };
    const metadata = { labels, ...writtenBy("kustomize-controller", SUSPEND) };

    const { refusals } = plan(
      ownerWorld([owner("Kustomization", "apps", { status: FLUX_MANAGES, metadata })]),
      target(),
    );

    expect(refusals).toEqual([expect.stringContaining("would be undone by Kustomization ops/root")]);
  });

  it("are refused where a kind of owner can't be listed", () => {
    const world = ownerWorld([], [{ kind: "applications.argoproj.io", message: "forbidden" }]);

    expect(plan(world, target()).refusals).toEqual([expect.stringContaining("grant list and patch")]);
    expect(plan(world, target(), "Ignore").refusals).toEqual([]);
  });

  it("are not made with Ignore, and refused with Refuse", () => {
    const world = ownerWorld([owner("Application", "apps", { status: ARGO_MANAGES })]);

    expect(plan(world, target(), "Ignore")).toMatchObject({ pauses: [], refusals: [], shown: [{ action: "ignore" }] });
    expect(plan(world, target(), "Refuse")).toMatchObject({ pauses: [], shown: [{ action: "refuse" }] });
    expect(plan(world, target(), "Refuse").refusals).toEqual([expect.stringContaining("Application ops/apps")]);
  });

  it("leave alone what somebody else has paused", () => {
    const world = ownerWorld([owner("Kustomization", "apps", { spec: { suspend: true }, status: FLUX_MANAGES })]);

    expect(plan(world, target())).toMatchObject({ pauses: [], shown: [{ action: "paused" }] });
    expect(plan(world, target(), "Refuse").refusals).toEqual([]);
  });
});
