import type { KubeObject } from "../api/object.ts";
import { parseResourcePolicy } from "../api/resource-policy.ts";
import { readYaml } from "../api/yaml-document.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

/** The ConfigMaps of Velero's that were read, by name. */
export type ConfigMaps = ReadonlyMap<string, Located>;

/** True for a ConfigMap that holds modifiers of a restore or a resource policy. */
export function isVeleroConfigMap({ object }: Located): boolean {
  const texts = Object.values((object.data ?? {}) as Record<string, string>);
  return (
    object.kind === "ConfigMap" &&
    texts.some((text) => /^\s*(?:resourceModifierRules|volumePolicies|includeExcludePolicy):/m.test(text))
  );
}

/** The rules of a ConfigMap of modifiers, as they stand in a RestorePlan; undefined where it holds none. */
export function rulesOf(configMaps: ConfigMaps, name: string): readonly unknown[] | undefined {
  const text = onlyText(configMaps.get(name)?.object);
  const value = readYaml(text ?? "").documents[0]?.value as
    | { readonly resourceModifierRules?: unknown }
    | undefined
    | null;
  return Array.isArray(value?.resourceModifierRules) ? value.resourceModifierRules : undefined;
}

/** ConfigMaps that go along: Holdfast reads Velero's format, in its own namespace. */
export function convertConfigMaps(
  configMaps: ConfigMaps,
  namespace: string,
  inlined: ReadonlySet<string>,
): { readonly objects: readonly KubeObject[]; readonly notes: readonly Note[] } {
  const notes: Note[] = [];
  const objects = [...configMaps.values()].flatMap((at) => {
    const { name } = at.object.metadata;
    const rules = rulesOf(configMaps, name);
    if (rules !== undefined && inlined.has(name)) return [];
    const message = "ConfigMaps are not applied from Git by Holdfast: apply it to Holdfast's namespace yourself";
    notes.push(noteOn(at, "changed", [], message));
    if (rules === undefined) notes.push(...policyNotes(at));
    return [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: at.object.data }];
  });
  return { objects, notes };
}

function policyNotes(at: Located): Note[] {
  const data = (at.object.data ?? {}) as Record<string, string>;
  const [key = ""] = Object.keys(data);
  const parsed = parseResourcePolicy(data);
  if (parsed.type === "refused") return [noteOn(at, "unread", ["data", key], parsed.problem)];
  const copying = parsed.policy.volumePolicies.filter(({ action }) => action !== "skip");
  if (copying.length === 0) return [];
  const actions = [...new Set(copying.map(({ action }) => action))].join(", ");
  const message = `volume data is not copied: ${copying.length} volume policies with the action ${actions} do nothing`;
  return [noteOn(at, "lost", ["data", key], message)];
}

function onlyText(object: KubeObject | undefined): string | undefined {
  const texts = Object.values((object?.data ?? {}) as Record<string, string>);
  return texts.length === 1 ? texts[0] : undefined;
}
