import type { KubeObject } from "../api/object.ts";
import {
  backupOnlySections,
  idleGlobalSections,
  POLICY_SECTIONS,
  parseResourcePolicy,
  type ResourcePolicy,
} from "../api/resource-policy.ts";
import { isDataDemand } from "../api/volume-policy.ts";
import { readYaml } from "../api/yaml-document.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

/** The ConfigMaps of Velero's that were read, by name. */
export type ConfigMaps = ReadonlyMap<string, Located>;

const VELERO_SECTION = new RegExp(`^\\s*(?:resourceModifierRules|${POLICY_SECTIONS.join("|")}):`, "m");

/** True for a ConfigMap that holds modifiers of a restore or a resource policy. */
export function isVeleroConfigMap({ object }: Located): boolean {
  const texts = Object.values((object.data ?? {}) as Record<string, string>);
  return object.kind === "ConfigMap" && texts.some((text) => VELERO_SECTION.test(text));
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

/** What names a ConfigMap. */
export interface ConfigMapUses {
  /** Modifiers that stand in a RestorePlan now. */
  readonly inlined: ReadonlySet<string>;
  /** The volume policies of every backup. */
  readonly globalPolicy: string | undefined;
}

/** ConfigMaps that go along: Holdfast reads Velero's format, in its own namespace. */
export function convertConfigMaps(
  configMaps: ConfigMaps,
  namespace: string,
  { inlined, globalPolicy }: ConfigMapUses,
): { readonly objects: readonly KubeObject[]; readonly notes: readonly Note[] } {
  const notes: Note[] = [];
  const objects = [...configMaps.values()].flatMap((at) => {
    const { name } = at.object.metadata;
    const rules = rulesOf(configMaps, name);
    if (rules !== undefined && inlined.has(name)) return [];
    const message = "ConfigMaps are not applied from Git by Holdfast: apply it to Holdfast's namespace yourself";
    notes.push(noteOn(at, "changed", [], message));
    if (rules === undefined) notes.push(...policyNotes(at, name === globalPolicy));
    return [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: at.object.data }];
  });
  return { objects, notes };
}

/** What keeps a restore from running with the policy of this ConfigMap; undefined where nothing does. */
export function policyOfRestoreProblem(configMaps: ConfigMaps, name: string): string | undefined {
  const found = configMaps.get(name);
  if (found === undefined)
    return `ConfigMap ${name} is not among what was read: it must be in Holdfast's namespace before the restore runs`;
  const parsed = parseResourcePolicy((found.object.data ?? {}) as Record<string, string>);
  if (parsed.type === "refused") return `the restore is refused until ConfigMap ${name} can be read`;
  const sections = backupOnlySections(parsed.policy);
  if (sections.length === 0) return undefined;
  return `the restore is refused, as Velero 1.18.3 refuses it, until its ConfigMap has no ${sections.join(", ")}: give it one with the filters alone`;
}

function policyNotes(at: Located, isGlobal: boolean): Note[] {
  const data = (at.object.data ?? {}) as Record<string, string>;
  const [key = ""] = Object.keys(data);
  const parsed = parseResourcePolicy(data);
  if (parsed.type === "refused") return [noteOn(at, "unread", ["data", key], parsed.problem)];
  const messages = [
    ...(isGlobal ? idleGlobalSections(parsed.content).map(filterMessage) : []),
    ...copyingMessages(parsed.policy, isGlobal ? "`holdfast run` does not start with it" : REFUSED),
  ];
  return messages.map((message) => noteOn(at, "lost", ["data", key], message));
}

function filterMessage(section: string): string {
  return `Velero's server ignores ${section} where a policy holds for every backup, and \`holdfast run\` does not start with it: take it out`;
}

const REFUSED = "a backup with this policy is refused";

function copyingMessages({ volumePolicies }: ResourcePolicy, consequence: string): string[] {
  const copying = volumePolicies.filter(({ action }) => isDataDemand(action));
  if (copying.length === 0) return [];
  const actions = [...new Set(copying.map(({ action }) => action))].join(", ");
  return [
    `volume data is not copied: ${consequence} until its ${copying.length} volume policies with the action ${actions} say skip or custom`,
  ];
}

function onlyText(object: KubeObject | undefined): string | undefined {
  const texts = Object.values((object?.data ?? {}) as Record<string, string>);
  return texts.length === 1 ? texts[0] : undefined;
}
