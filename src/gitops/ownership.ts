/** Whose an object is: by what owners say they manage, and by the marks that owners leave on what they apply. Pure. */
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatOwner, type OwnedTarget, type Owner, type OwnerRef, recordOf, targetKey } from "./owner.ts";

/** All owners of a cluster. */
export interface OwnerWorld {
  readonly owners: readonly Owner[];
  /** Kinds that the cluster serves and that could not be listed, with the reason. */
  readonly unreadable: readonly { readonly kind: string; readonly message: string }[];
  /** By `formatOwner`. */
  find(owner: OwnerRef): Owner | undefined;
  /** Owners that say they manage an object. */
  managing(target: OwnedTarget): readonly Owner[];
}

/** Who owns one object. */
export interface Ownership {
  readonly owners: readonly Owner[];
  /** Named by a mark, and not in this cluster. */
  readonly missing: readonly OwnerRef[];
}

/** Indexes the owners. */
export function ownerWorld(owners: readonly Owner[], unreadable: OwnerWorld["unreadable"] = []): OwnerWorld {
  const byName = new Map(owners.map((owner) => [formatOwner(owner), owner]));
  const byTarget = new Map<string, Owner[]>();
  for (const owner of owners) {
    for (const key of owner.manages) byTarget.set(key, [...(byTarget.get(key) ?? []), owner]);
  }
  return {
    owners,
    unreadable,
    find: (owner) => byName.get(formatOwner(owner)),
    managing: (target) => byTarget.get(targetKey(target)) ?? [],
  };
}

/** The owners of an object. `states` are the object as it is, and as it is to be: either may carry marks. */
export function ownershipOf(
  world: OwnerWorld,
  target: OwnedTarget,
  states: readonly (KubeObject | undefined)[],
): Ownership {
  const owners = new Map(world.managing(target).map((owner) => [formatOwner(owner), owner]));
  const missing = new Map<string, OwnerRef>();
  for (const state of states) {
    if (state === undefined) continue;
    for (const mark of [...fluxMarks(state), ...trackingMarks(world, target, state), ...labelMarks(world, state)]) {
      const owner = world.find(mark);
      if (owner === undefined) missing.set(formatOwner(mark), mark);
      else owners.set(formatOwner(owner), owner);
    }
  }
  return { owners: [...owners.values()], missing: [...missing.values()] };
}

function fluxMarks({ metadata: { labels } }: KubeObject): OwnerRef[] {
  const marks = [
    { kind: "Kustomization", prefix: "kustomize.toolkit.fluxcd.io" },
    { kind: "HelmRelease", prefix: "helm.toolkit.fluxcd.io" },
  ] as const;
  return marks.flatMap(({ kind, prefix }) => {
    const [name, namespace] = [labels?.[`${prefix}/name`], labels?.[`${prefix}/namespace`]];
    return name === undefined || namespace === undefined ? [] : [{ kind, namespace, name }];
  });
}

const TRACKING_ID = "argocd.argoproj.io/tracking-id";

/** `<app>:<group>/<Kind>:<namespace>/<name>`: one that does not name its own object is a copy's, and Argo CD ignores it. */
function trackingMarks(world: OwnerWorld, target: OwnedTarget, { metadata }: KubeObject): OwnerRef[] {
  const [, app = "", group, kind, namespace, name] =
    /^([^:]+):([^/]*)\/([^:]*):([^/]*)\/(.*)$/.exec(metadata.annotations?.[TRACKING_ID] ?? "") ?? [];
  const isOwn = group === target.group && kind === target.kind && name === target.name;
  if (!isOwn || (namespace !== target.namespace && target.namespace !== "")) return [];
  return applicationsNamed(world, app);
}

/** An Application outside Argo CD's own namespace is called `<namespace>_<name>`; where that one is, the mark does not say. */
function applicationsNamed({ owners }: OwnerWorld, app: string): OwnerRef[] {
  const kind = "Application";
  const [namespace, name] = app.split("_");
  if (namespace !== undefined && name !== undefined) return [{ kind, namespace, name }];
  const named = owners.filter((owner) => owner.kind === kind && owner.name === app);
  return named.length > 0 ? named : [{ kind, namespace: "argocd", name: app }];
}

/** The label that Argo CD tracked by before 3.0 is Helm's too: it counts where an Application of that name writes there. */
function labelMarks({ owners }: OwnerWorld, { metadata }: KubeObject): OwnerRef[] {
  const instances = [metadata.labels?.["argocd.argoproj.io/instance"], metadata.labels?.["app.kubernetes.io/instance"]];
  const isHere = ({ object }: Owner): boolean =>
    recordOf(recordOf(object.spec).destination).namespace === metadata.namespace;
  return owners.filter((owner) => owner.kind === "Application" && instances.includes(owner.name) && isHere(owner));
}

/** What may undo a change to an owner itself: the owners of that object, and the ApplicationSet that made it. */
export function parentsOf(world: OwnerWorld, { kind, object, ...key }: Owner): readonly Owner[] {
  const target = { group: object.apiVersion.split("/")[0] ?? "", kind, namespace: key.namespace, name: key.name };
  const { owners } = ownershipOf(world, target, [object]);
  return [...owners, ...generators(world, object, key)].filter((parent) => parent.object !== object);
}

function generators(world: OwnerWorld, { metadata }: KubeObject, { namespace }: ObjectKey): Owner[] {
  return (metadata.ownerReferences ?? [])
    .filter(({ kind }) => kind === "ApplicationSet")
    .flatMap(({ name }) => world.find({ kind: "ApplicationSet", namespace, name }) ?? []);
}
