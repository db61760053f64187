import { apiVersionOf, type KubeObject } from "../api/object.ts";
import { parsePointer } from "../api/patch.ts";
import { formatOwner } from "../gitops/owner.ts";
import { sourceText } from "../gitops/pause-plan.ts";
import type { Followup } from "../report/followup.ts";
import { isRecord } from "./json-path.ts";
import type { PlannedItem } from "./types.ts";

/** What Git has to say of one planned object; undefined where it undoes nothing of it. Pure. */
export function followupOf(item: PlannedItem): Followup | undefined {
  const { entry, desired, ownership } = item;
  const undone = (entry.changes ?? []).filter(({ undoneBy }) => undoneBy !== undefined);
  const isNew = entry.action === "create" && (ownership?.owners.length ?? 0) > 0;
  if (desired === undefined || (undone.length === 0 && !isNew)) return undefined;
  const identity = identityOf(desired);
  const set = undone.filter(({ op }) => op !== "remove").map(({ path }) => path);
  const manifest = isNew ? wholeOf(desired) : set.reduce((part, path) => withField(part, desired, path), identity);
  return {
    apiVersion: apiVersionOf(item.gvr),
    kind: entry.kind,
    namespace: entry.namespace,
    name: entry.name,
    owners: (ownership?.owners ?? []).map((owner) => ({ owner: formatOwner(owner), source: sourceText(owner) })),
    extent: isNew ? "whole" : "fields",
    manifest: entry.kind === "Secret" ? withoutValues(manifest) : manifest,
    remove: undone.filter(({ op }) => op === "remove").map(({ path }) => path),
  };
}

type Part = Readonly<Record<string, unknown>>;

function identityOf({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): Part {
  return { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace } };
}

/** Marks that appliers and restores put on what they write are not for a manifest. */
const NOT_FOR_GIT =
  /^(?:velero\.io\/|kustomize\.toolkit\.fluxcd\.io\/|helm\.toolkit\.fluxcd\.io\/|argocd\.argoproj\.io\/tracking-id$|kubectl\.kubernetes\.io\/last-applied)/;

function wholeOf(desired: KubeObject): Part {
  const { labels, annotations, name, namespace, finalizers } = desired.metadata;
  const kept = (map: Readonly<Record<string, string>> | undefined): Part | undefined => {
    const entries = Object.entries(map ?? {}).filter(([key]) => !NOT_FOR_GIT.test(key));
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  };
  const metadata = { name, namespace, labels: kept(labels), annotations: kept(annotations), finalizers };
  const { status: _status, ...rest } = desired;
  return { ...rest, metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)) };
}

/** The part with the field at a pointer as `desired` has it. A list goes whole: a place in it says nothing in a manifest. */
function withField(part: Part, desired: KubeObject, pointer: string): Part {
  return copied(part, desired, parsePointer(pointer)) as Part;
}

function copied(part: unknown, desired: unknown, keys: readonly string[]): unknown {
  const [key, ...rest] = keys;
  if (key === undefined || !isRecord(desired)) return desired;
  const before = isRecord(part) ? part : {};
  return { ...before, [key]: copied(before[key], desired[key], rest) };
}

function withoutValues(manifest: Part): Part {
  const hidden = (map: unknown): unknown =>
    isRecord(map) ? Object.fromEntries(Object.keys(map).map((key) => [key, "<from the backup>"])) : map;
  const { data, stringData, metadata, ...rest } = manifest;
  const { annotations: _annotations, ...shown } = isRecord(metadata) ? metadata : {};
  return {
    ...rest,
    metadata: shown,
    ...(data === undefined ? {} : { data: hidden(data) }),
    ...(stringData === undefined ? {} : { stringData: hidden(stringData) }),
  };
}
