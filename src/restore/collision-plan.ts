/**
 * Objects that a namespace mapping brings to one place. One of them is written: the first under `none` and `fail`, the
 * last under `update` and `recreate`, so that a second restore finds nothing to do. Service accounts are merged, as they
 * are with one that exists. What stops by itself (a finished pod) takes no part.
 */
import { formatKey, type KubeObject } from "../api/object.ts";
import { compare } from "../api/patch.ts";
import type { FieldChange, PlanAction } from "../report/plan.ts";
import { fieldChange } from "./changes.ts";
import { changesOfMerge, decideExisting, mergedServiceAccount } from "./existing.ts";
import { existingPolicyFor } from "./options.ts";
import { decided, type PlanRules } from "./plan.ts";
import type { PlannedItem } from "./types.ts";

/** Plans what is planned for one place each anew where others come there too. `items` are in the order of places. */
export function planCollisions(rules: PlanRules, items: readonly PlannedItem[]): readonly PlannedItem[] {
  if (rules.options.namespaceMapping.size === 0) return items;
  const planned: PlannedItem[] = [];
  for (let start = 0; start < items.length; ) {
    let end = start + 1;
    while (end < items.length && samePlace(items[start], items[end])) end++;
    planned.push(...(end - start === 1 ? items.slice(start, end) : planPlace(rules, items.slice(start, end))));
    start = end;
  }
  return planned;
}

function samePlace(a: PlannedItem | undefined, b: PlannedItem | undefined): boolean {
  return a?.entry.name === b?.entry.name && a?.entry.namespace === b?.entry.namespace;
}

function planPlace(rules: PlanRules, items: readonly PlannedItem[]): readonly PlannedItem[] {
  if (items[0]?.entry.resource === "configmaps" && items[0].entry.name === "kube-root-ca.crt")
    return items.map((item, index) => (index === 0 ? item : madeByCluster(item)));
  const contenders = items.filter(({ entry }) => entry.action !== "skip" && entry.action !== "fail");
  const [first] = contenders;
  const last = contenders.at(-1);
  if (first === undefined || last === undefined || first === last) return items;
  const { resource } = first.entry;
  if (resource === "serviceaccounts") return mergeAll(rules, items, first);
  const policy = existingPolicyFor(rules.options, resource);
  const winner = policy === "none" || policy === "fail" ? first : last;
  return items.map((item) =>
    item === winner || !contenders.includes(item) ? item : standAside(item, winner, policy === "fail"),
  );
}

function madeByCluster(item: PlannedItem): PlannedItem {
  return collided(item, "unchanged", "the cluster makes this one itself, in every namespace");
}

/** Both are what stands in the cluster, and so equal. */
const STANDS: ReadonlySet<PlanAction> = new Set(["unchanged", "labelsOnly"]);

function standAside(item: PlannedItem, winner: PlannedItem, isRefused: boolean): PlannedItem {
  const from = sourceOf(winner);
  const changes = changesBetween(winner, item);
  if (changes?.length === 0) return collided(item, "unchanged", `equal to ${from}, which goes there too`);
  if (isRefused) return refused(item, from, changes);
  return collided(item, "skip", `${from} is mapped to the same place, and is what stands there in the end`, changes);
}

function changesBetween(before: PlannedItem, item: PlannedItem): readonly FieldChange[] | undefined {
  if (STANDS.has(item.entry.action) && STANDS.has(before.entry.action)) return [];
  const { desired } = before;
  if (item.desired === undefined || desired === undefined) return undefined;
  return compare(desired, item.desired).map((operation) => fieldChange(desired, operation));
}

/** Each adds what those before it lack; under `fail` only to the account that the cluster makes in every namespace. */
function mergeAll(rules: PlanRules, items: readonly PlannedItem[], first: PlannedItem): readonly PlannedItem[] {
  const { resource, name } = first.entry;
  const isRefused = existingPolicyFor(rules.options, resource) === "fail" && name !== "default";
  let standing = first;
  return items.map((item) => {
    // What adds nothing to the live one adds nothing to one that holds more.
    if (item === first || item.desired === undefined) return item;
    const from = sourceOf(standing);
    if (standing.desired === undefined) {
      if (isRefused) return refused(item, from, item.entry.changes);
      standing = item;
      return item;
    }
    const changes = changesOfMerge(item.desired, standing.desired);
    if (changes.length === 0) return collided(item, "unchanged", `${from} goes there too, and lacks nothing of it`);
    if (isRefused) return refused(item, from, changes);
    const message = `${from} is mapped to the same place: what that lacks is added, and its own values stay`;
    const desired = mergedServiceAccount(item.desired, standing.desired);
    standing = { ...collided(item, "patch", message, changes), desired, barrier: true, replan: overLive(rules, item) };
    return standing;
  });
}

/** What a merge takes is known only when those before it are written. */
function overLive(rules: PlanRules, item: PlannedItem): NonNullable<PlannedItem["replan"]> {
  const { entry, gvr, desired } = item;
  const replan = (live: KubeObject | undefined): PlannedItem => {
    if (live === undefined || desired === undefined) return { ...item, entry: { ...entry, action: "create" }, replan };
    return {
      ...decided(entry, gvr, decideExisting(entry.resource, desired, live, { policy: "update", labels: rules.labels })),
      replan,
    };
  };
  return replan;
}

/** Where it was archived, as people name it. */
function sourceOf({ entry }: PlannedItem): string {
  return entry.archivedAs ?? formatKey(entry);
}

function refused(item: PlannedItem, from: string, changes: readonly FieldChange[] | undefined): PlannedItem {
  return collided(item, "fail", `${from} is mapped to the same place: map one of the namespaces elsewhere`, changes);
}

function collided(
  { entry, gvr }: PlannedItem,
  action: PlanAction,
  message: string,
  changes: readonly FieldChange[] = [],
): PlannedItem {
  const { changes: _changes, liveUid: _uid, liveContent: _content, ...place } = entry;
  return {
    entry: { ...place, action, reason: "Collision", message, ...(changes.length === 0 ? {} : { changes }) },
    gvr,
  };
}
