import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { applyPatch } from "../api/patch.ts";
import type { OwnerKind } from "./owner.ts";
import {
  isPaused,
  keepingPause,
  pausePatch,
  pauseRecordOf,
  renewPatch,
  resumePatch,
  withoutPause,
} from "./pause-change.ts";

const HOLDER = {
  run: "shop-20261120020000",
  plan: "holdfast/shop",
  cluster: "main",
  since: "2026-11-20T02:00:00Z",
  deadline: "2026-11-20T02:10:00Z",
};
const NOW = "2026-11-20T02:05:00Z";

function owner(apiVersion: string, kind: OwnerKind, spec: object, annotations?: Record<string, string>): KubeObject {
  const metadata = { name: "shop", namespace: "ops", resourceVersion: "7", ...(annotations && { annotations }) };
  return { apiVersion, kind, metadata, spec };
}

const FLUX = "kustomize.toolkit.fluxcd.io/v1";
const HELM = "helm.toolkit.fluxcd.io/v2";
const ARGO = "argoproj.io/v1alpha1";
const SKIP = "argocd.argoproj.io/skip-reconcile";

const ROWS: readonly (readonly [what: string, kind: OwnerKind, object: KubeObject])[] = [
  ["a Kustomization", "Kustomization", owner(FLUX, "Kustomization", { path: "./" })],
  ["one that says suspend: false", "Kustomization", owner(FLUX, "Kustomization", { suspend: false })],
  ["a HelmRelease", "HelmRelease", owner(HELM, "HelmRelease", { interval: "1m" }, { team: "shop" })],
  ["an Application", "Application", owner(ARGO, "Application", { project: "default" })],
  ["one with an annotation", "Application", owner(ARGO, "Application", {}, { [SKIP]: "false", team: "shop" })],
  ["an ApplicationSet", "ApplicationSet", owner(ARGO, "ApplicationSet", { goTemplate: true })],
  [
    "one that keeps fields",
    "ApplicationSet",
    owner(ARGO, "ApplicationSet", { preservedFields: { annotations: ["a"], labels: ["b"] } }),
  ],
];

const applied = (object: KubeObject, operations: Parameters<typeof applyPatch>[1]): KubeObject =>
  applyPatch(object, operations) as KubeObject;

describe("a pause and its end", () => {
  it.each(ROWS)("%s is paused, and then as it was", (_what, kind, object) => {
    const paused = applied(object, pausePatch(kind, object, HOLDER));
    const resumed = applied(paused, resumePatch(kind, paused, NOW));

    expect([isPaused(kind, object), isPaused(kind, paused), isPaused(kind, resumed)]).toEqual([false, true, false]);
    expect(pauseRecordOf(paused)?.run).toBe(HOLDER.run);
    expect(withoutPause(paused)).toEqual(object);
    expect(withoutRequest(resumed)).toEqual(object);
  });

  it.each(ROWS)("%s: the first operation is guarded, so that a stale patch is refused", (_what, kind, object) => {
    const paused = applied(object, pausePatch(kind, object, HOLDER));

    for (const patch of [pausePatch(kind, object, HOLDER), resumePatch(kind, paused, NOW)])
      expect(patch[0]).toEqual({ op: "test", path: "/metadata/resourceVersion", value: "7" });
  });

  it("leaves what somebody set since", () => {
    const object = owner(FLUX, "Kustomization", {});
    const paused = applied(object, pausePatch("Kustomization", object, HOLDER));
    const touched = { ...paused, spec: { suspend: false } };

    const resumed = applied(touched, resumePatch("Kustomization", touched, NOW));

    expect([resumed.spec, pauseRecordOf(resumed)]).toEqual([{ suspend: false }, undefined]);
  });

  it("moves the deadline of its own run on, and of no other", () => {
    const object = owner(ARGO, "Application", {});
    const paused = applied(object, pausePatch("Application", object, HOLDER));

    const renewed = applied(paused, renewPatch(paused, HOLDER.run, "2026-11-20T03:00:00Z") ?? []);

    expect(pauseRecordOf(renewed)).toEqual({ ...HOLDER, deadline: "2026-11-20T03:00:00Z" });
    expect([renewPatch(paused, "another", NOW), renewPatch(object, HOLDER.run, NOW)]).toEqual([undefined, undefined]);
  });
});

describe("an owner that is restored itself", () => {
  it.each(ROWS)(
    "%s keeps the pause that stands, and not the one that stood when it was archived",
    (_what, kind, object) => {
      const archived = applied(object, pausePatch(kind, object, { ...HOLDER, run: "an-older-run" }));
      const live = applied(object, pausePatch(kind, object, HOLDER));

      expect(keepingPause(archived, live)).toEqual(live);
      expect(keepingPause(archived, object)).toEqual(object);
      expect(keepingPause(archived, undefined)).toEqual(object);
    },
  );

  it("touches no other object", () => {
    const map = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "a", annotations: { "holdfast.dev/paused": "{}" } },
    };

    expect(keepingPause(map, undefined)).toBe(map);
  });
});

/** Flux is asked to look at once. */
function withoutRequest(object: KubeObject): KubeObject {
  const { "reconcile.fluxcd.io/requestedAt": _request, ...annotations } = object.metadata.annotations ?? {};
  const { annotations: _before, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) } };
}
