/** Resource modifiers as they are written: Velero's ConfigMap format, and the same rules in a RestorePlan. */
import { parse } from "yaml";
import type { ModifierPatch, ResourceModifierRule } from "../api/kinds.generated.ts";
import { messageOf } from "../errors.ts";
import { isRecord } from "./json-path.ts";

/** The rules of a ConfigMap, or what is wrong with it. */
export type ParsedModifiers =
  | { readonly type: "rules"; readonly rules: readonly ResourceModifierRule[] }
  | { readonly type: "invalid"; readonly problems: readonly string[] };

const RULE_FIELDS = new Set(["conditions", "patches", "mergePatches", "strategicPatches"]);
const CONDITION_FIELDS = new Set(["groupResource", "namespaces", "resourceNameRegex", "labelSelector", "matches"]);
const OPERATIONS = new Set(["add", "remove", "replace", "move", "copy", "test"]);
const FAMILIES = ["patches", "mergePatches", "strategicPatches"] as const;

/** Reads a ConfigMap's `data`: exactly one key, version v1, no unknown field. */
export function parseModifierConfigMap(data: Readonly<Record<string, string>>): ParsedModifiers {
  const texts = Object.values(data);
  const [text] = texts;
  if (text === undefined || texts.length !== 1)
    return invalid(`illegal resource modifiers: ${texts.length} keys, expected exactly one`);
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 100, merge: false, strict: true });
  } catch (error) {
    return invalid(`resource modifiers are not YAML: ${messageOf(error)}`);
  }
  if (!isRecord(document)) return invalid("resource modifiers are not an object");
  const problems = Object.keys(document)
    .filter((field) => field !== "version" && field !== "resourceModifierRules")
    .map((field) => `unknown field "${field}"`);
  if (String(document.version).toLowerCase() !== "v1")
    problems.push(`unsupported resource modifier version ${String(document.version)}`);
  const rules = Array.isArray(document.resourceModifierRules) ? document.resourceModifierRules : [];
  if (rules.length === 0) problems.push("resource modifiers hold no rule");
  problems.push(...rules.flatMap((rule, index) => ruleProblems(rule, `resourceModifierRules[${index}]`)));
  if (problems.length > 0) return { type: "invalid", problems };
  return { type: "rules", rules: rules.map(normalised) };
}

/** What is wrong with one rule; a pattern that does not compile is told per object, as Velero does. */
export function ruleProblems(rule: unknown, place: string): string[] {
  if (!isRecord(rule)) return [`${place} is not an object`];
  const problems = unknownFields(rule, RULE_FIELDS, place);
  const conditions = rule.conditions;
  if (!isRecord(conditions) || conditions.groupResource === undefined || conditions.groupResource === "") {
    problems.push(`${place}.conditions.groupResource is empty`);
  } else problems.push(...unknownFields(conditions, CONDITION_FIELDS, `${place}.conditions`));
  const used = FAMILIES.filter((family) => Array.isArray(rule[family]) && (rule[family] as unknown[]).length > 0);
  if (used.length > 1) problems.push(`${place} has more than one of patches, mergePatches and strategicPatches`);
  const patches = Array.isArray(rule.patches) ? rule.patches : [];
  patches.forEach((patch, index) => {
    problems.push(...patchProblems(patch, `${place}.patches[${index}]`));
  });
  return problems;
}

function patchProblems(patch: unknown, place: string): string[] {
  if (!isRecord(patch)) return [`${place} is not an object`];
  const problems: string[] = [];
  if (!OPERATIONS.has(String(patch.operation)))
    problems.push(`${place}.operation ${String(patch.operation)} is none of add, remove, replace, move, copy, test`);
  if (patch.path === undefined || patch.path === "") problems.push(`${place}.path is empty`);
  return problems;
}

function unknownFields(value: Record<string, unknown>, known: ReadonlySet<string>, place: string): string[] {
  return Object.keys(value)
    .filter((field) => !known.has(field))
    .map((field) => `${place}: unknown field "${field}"`);
}

/** YAML may have read a value as a number or boolean that Velero's type reads as text. */
function normalised(rule: ResourceModifierRule): ResourceModifierRule {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const patch = (item: ModifierPatch): ModifierPatch =>
    item.value === undefined ? item : { ...item, value: text(item.value) };
  const matches = rule.conditions.matches?.map((match) =>
    match.value === undefined ? match : { ...match, value: text(match.value) },
  );
  return {
    ...rule,
    conditions: { ...rule.conditions, ...(matches === undefined ? {} : { matches }) },
    ...(rule.patches === undefined ? {} : { patches: rule.patches.map(patch) }),
  };
}

function invalid(problem: string): ParsedModifiers {
  return { type: "invalid", problems: [problem] };
}
