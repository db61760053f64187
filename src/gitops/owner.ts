/**
 * Who else applies Git to this cluster: the Kustomizations and HelmReleases of Flux and the Applications of Argo CD that
 * own an object, how they are held still while a restore writes, and how they go on afterwards. Knows nothing of
 * backups, restores or Git itself.
 */
import { type GroupVersionResource, type KubeObject, keyOf, type ObjectKey, parseApiVersion } from "../api/object.ts";

export type OwnerKind = "Kustomization" | "HelmRelease" | "Application" | "ApplicationSet";

/** Which owner. */
export interface OwnerRef extends ObjectKey {
  readonly kind: OwnerKind;
}

/** One owner of objects, as the cluster has it now. */
export interface Owner extends OwnerRef {
  readonly gvr: GroupVersionResource;
  /** Without the list of what it manages. */
  readonly object: KubeObject;
  /** What it says that it manages, as `targetKey` writes it. */
  readonly manages: readonly string[];
}

/** An object that somebody may own. */
export interface OwnedTarget extends ObjectKey {
  readonly group: string;
  readonly kind: string;
}

/** Where each kind of owner is served. */
export const OWNER_RESOURCES: Readonly<Record<OwnerKind, { readonly group: string; readonly resource: string }>> = {
  Kustomization: { group: "kustomize.toolkit.fluxcd.io", resource: "kustomizations" },
  HelmRelease: { group: "helm.toolkit.fluxcd.io", resource: "helmreleases" },
  Application: { group: "argoproj.io", resource: "applications" },
  ApplicationSet: { group: "argoproj.io", resource: "applicationsets" },
};

export const OWNER_KINDS = Object.keys(OWNER_RESOURCES) as readonly OwnerKind[];

/** `Kustomization flux-system/apps`, as plans, logs and records write an owner. */
export function formatOwner({ kind, namespace, name }: OwnerRef): string {
  return `${kind} ${namespace}/${name}`;
}

/** Undefined for what is none. */
export function parseOwner(text: string): OwnerRef | undefined {
  const [, kind = "", namespace = "", name = ""] = /^(\w+) ([^/ ]+)\/([^/ ]+)$/.exec(text) ?? [];
  const known = OWNER_KINDS.find((each) => each === kind);
  return known === undefined ? undefined : { kind: known, namespace, name };
}

/** The kind of owner that an object is; undefined for every other object. */
export function ownerKindOf({ apiVersion, kind }: Pick<KubeObject, "apiVersion" | "kind">): OwnerKind | undefined {
  const { group } = parseApiVersion(apiVersion);
  return OWNER_KINDS.find((each) => each === kind && OWNER_RESOURCES[each].group === group);
}

/** The key of an object in what owners manage: versions don't count. */
export function targetKey({ group, kind, namespace, name }: OwnedTarget): string {
  return `${group}/${kind}/${namespace}/${name}`;
}

/** An owner seen as an object that may have an owner itself. */
export function targetOf(object: KubeObject): OwnedTarget {
  return { ...keyOf(object), group: parseApiVersion(object.apiVersion).group, kind: object.kind };
}

/** Reads an owner and what its status says it manages. */
export function readOwner(kind: OwnerKind, gvr: GroupVersionResource, object: KubeObject): Owner {
  const { inventory: _inventory, resources: _resources, history: _history, ...status } = recordOf(object.status);
  return { kind, ...keyOf(object), gvr, object: { ...object, status }, manages: managedKeys(kind, object) };
}

function managedKeys(kind: OwnerKind, { status }: KubeObject): string[] {
  const { inventory, resources } = recordOf(status);
  if (kind === "Application") return listOf(resources).map(argoKey);
  return listOf(recordOf(inventory).entries).flatMap(({ id }) => fluxKey(String(id ?? "")));
}

function argoKey({ group, kind, namespace, name }: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  return targetKey({ group: text(group), kind: text(kind), namespace: text(namespace), name: text(name) });
}

/** `<namespace>_<name>_<group>_<kind>`; a colon in a name of RBAC is written as two underscores. */
function fluxKey(id: string): string[] {
  const [, namespace = "", name = "", group = "", kind = ""] = /^([^_]*)_(.+)_([^_]*)_([^_]+)$/.exec(id) ?? [];
  return kind === "" ? [] : [targetKey({ group, kind, namespace, name: name.replaceAll("__", ":") })];
}

/** `value` where it is a JSON object, else an empty one. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The JSON objects of a list; empty for what is none. */
export function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}
