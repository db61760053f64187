import { describe, expect, it } from "vitest";
import type { KubeObject } from "../api/object.ts";
import { isBusy } from "./in-flight.ts";
import type { OwnerKind } from "./owner.ts";

const PLAN = { group: "holdfast.dev", kind: "RestorePlan", namespace: "shop", name: "undo", hookPhase: "Running" };
const HEALTH = "Running health checks for revision main@sha1:1 with a timeout of 5m0s";

function reconciling(message: string, healthy?: string): object {
  const conditions = [{ type: "Reconciling", status: "True", reason: "Progressing", message }];
  const looks = { type: "Healthy", status: "Unknown", reason: "Progressing", message: healthy };
  return { status: { conditions: healthy === undefined ? conditions : [...conditions, looks] } };
}

function syncing(phase: string, resources: readonly object[], more: object = {}): object {
  return { operation: {}, status: { operationState: { phase, syncResult: { resources }, ...more } } };
}

const ROWS: readonly (readonly [string, OwnerKind, object, boolean])[] = [
  ["a Kustomization that has never run", "Kustomization", {}, false],
  ["one that applies", "Kustomization", reconciling("Detecting drift"), true],
  ["one that looks at the health of what it applied", "Kustomization", reconciling(HEALTH, HEALTH), false],
  ["one that was cut off there and applies again", "Kustomization", reconciling("Detecting drift", HEALTH), true],
  ["a HelmRelease at work", "HelmRelease", reconciling("Running 'upgrade' action"), true],
  ["an Application that is asked to sync", "Application", { operation: {} }, true],
  ["one that has synced", "Application", { status: { operationState: { phase: "Succeeded" } } }, false],
  ["one that syncs", "Application", syncing("Running", []), true],
  ["one that waits for this plan", "Application", syncing("Running", [PLAN]), false],
  ["one that has seen this plan end", "Application", syncing("Running", [{ ...PLAN, hookPhase: "Succeeded" }]), true],
  ["one that waits for another plan", "Application", syncing("Running", [{ ...PLAN, name: "other" }]), true],
  ["one that waits for its namesake", "Application", syncing("Running", [{ ...PLAN, group: "apps" }]), true],
  ["one that is to try again", "Application", syncing("Running", [PLAN], { finishedAt: "2026-01-01T00:00:00Z" }), true],
  ["one that is being terminated", "Application", syncing("Terminating", [PLAN]), true],
];

describe("an owner at work", () => {
  it.each(ROWS)("%s", (_name, kind, object, busy) => {
    expect(isBusy(kind, object as KubeObject, "shop/undo")).toBe(busy);
  });
});
