/** Applies resource modifiers to an object, as Velero does (velero-facts §4.10); name patterns run in linear time. */
import { RE2JS } from "re2js";
import { parse } from "yaml";
import { compileGlob } from "../api/glob.ts";
import { canonicalJson, parseJson } from "../api/json.ts";
import type { ModifierConditions, ModifierPatch, ResourceModifierRule } from "../api/kinds.generated.ts";
import { type LabelSelector, matchesLabels } from "../api/label-selector.ts";
import type { KubeObject } from "../api/object.ts";
import { applyMergePatch, applyPatch, type PatchOperation, valueAt } from "../api/patch.ts";
import { isCoded, messageOf } from "../errors.ts";
import { strategicMerge } from "./strategic-merge.ts";

/** Rules ready to be applied to many objects. */
export interface Modifiers {
  /** False when no rule can match an object of this resource: its body need not be read. */
  concerns(resource: string): boolean;
  /** Applies every matching rule, in order; each rule whole or not at all. */
  apply(resource: string, sourceNamespace: string, object: KubeObject): ModifiedObject;
  /** Indexes of the rules that matched no object so far. */
  unmatched(): readonly number[];
}

export interface ModifiedObject {
  readonly object: KubeObject;
  /** Rules that could not be applied: the object is restored without them, and the restore is not complete. */
  readonly errors: readonly string[];
}

interface CompiledRule {
  readonly rule: ResourceModifierRule;
  readonly matchesResource: (resource: string) => boolean;
  readonly inNamespaces: (sourceNamespace: string) => boolean;
  /** The error text where the pattern does not compile. */
  readonly name: ((name: string) => boolean) | string;
  matched: number;
}

/** What is to be said of rules that matched no object, when every object was looked at. */
export function unmatchedNotes(modifiers: Modifiers | undefined): string[] {
  return (modifiers?.unmatched() ?? []).map((index) => `resource modifier rule ${index + 1} matched no object`);
}

/** Compiles rules. */
export function createModifiers(rules: readonly ResourceModifierRule[]): Modifiers {
  const compiled = rules.map(compile);
  return {
    concerns: (resource) => compiled.some((rule) => rule.matchesResource(resource)),
    apply: (resource, sourceNamespace, object) => {
      const errors: string[] = [];
      let current = object;
      for (const rule of compiled) {
        if (!rule.matchesResource(resource)) continue;
        try {
          if (!matchesRule(rule, sourceNamespace, object)) continue;
          rule.matched++;
          current = applyRule(rule.rule, current);
        } catch (error) {
          if (!isFailedTest(error)) errors.push(messageOf(error));
        }
      }
      return { object: current, errors };
    },
    unmatched: () => compiled.flatMap((rule, index) => (rule.matched === 0 ? [index] : [])),
  };
}

function compile(rule: ResourceModifierRule): CompiledRule {
  return {
    rule,
    matchesResource: dottedGlob(rule.conditions.groupResource),
    inNamespaces: compileNamespaces(rule.conditions),
    name: compileName(rule.conditions.resourceNameRegex),
    matched: 0,
  };
}

/**
 * A glob in which a dot separates: `*.apps` is every resource of one group, `*` every one of the core group, `**` every
 * resource there is.
 */
function dottedGlob(pattern: string): (text: string) => boolean {
  try {
    const regex = RE2JS.compile(dottedPattern(pattern));
    return (text) => regex.matches(text);
  } catch {
    return () => false; // a bracket that is never closed matches nothing
  }
}

function dottedPattern(pattern: string): string {
  let depth = 0;
  let regex = "";
  for (const [token] of pattern.matchAll(/\*\*|\\.|\[!|[\s\S]/gu)) {
    if (token === "{") depth++;
    if (depth > 0 && token === ",") regex += "|";
    else regex += DOTTED[token] ?? RE2JS.quote(token.replace(/^\\(?=.)/u, ""));
    if (token === "}") depth--;
  }
  return regex;
}

const DOTTED: Readonly<Record<string, string>> = {
  "**": ".*",
  "*": "[^.]*",
  "?": "[^.]",
  "[!": "[^",
  "[": "[",
  "]": "]",
  "-": "-",
  "{": "(?:",
  "}": ")",
};

function compileNamespaces({ namespaces = [] }: ModifierConditions): (namespace: string) => boolean {
  if (namespaces.length === 0) return () => true;
  const globs = namespaces.map((pattern) => compileGlob(pattern));
  return (namespace) => globs.some((matches) => matches(namespace));
}

function compileName(pattern: string | undefined): CompiledRule["name"] {
  if (pattern === undefined || pattern === "") return () => true;
  try {
    const regex = RE2JS.compile(pattern);
    return (name) => regex.matcher(name).find();
  } catch (error) {
    return `resourceNameRegex ${JSON.stringify(pattern)} does not compile: ${messageOf(error)}`;
  }
}

function matchesRule(compiled: CompiledRule, sourceNamespace: string, object: KubeObject): boolean {
  const { conditions } = compiled.rule;
  if (!compiled.inNamespaces(sourceNamespace)) return false;
  if (typeof compiled.name === "string") throw new Error(compiled.name);
  if (!compiled.name(object.metadata.name)) return false;
  if (
    conditions.labelSelector !== undefined &&
    !matchesLabels(conditions.labelSelector as LabelSelector, object.metadata.labels)
  )
    return false;
  return (conditions.matches ?? []).every((match) => {
    const wanted = patchValue(match.value ?? "");
    const found = valueAt(object, match.path);
    return found === undefined ? wanted === null : canonicalJson(found) === canonicalJson(wanted);
  });
}

function applyRule(rule: ResourceModifierRule, object: KubeObject): KubeObject {
  if (rule.patches !== undefined && rule.patches.length > 0) return applyPatch(object, rule.patches.map(operationOf));
  const merges = rule.mergePatches ?? [];
  const strategic = rule.strategicPatches ?? [];
  if (merges.length === 0 && strategic.length === 0) throw new Error("no patch data found");
  let current: unknown = object;
  for (const { patchData } of merges) current = applyMergePatch(current, parsePatch(patchData));
  for (const { patchData } of strategic) current = strategicMerge(current as KubeObject, parsePatch(patchData));
  return current as KubeObject;
}

function parsePatch(text: string): unknown {
  return parse(text, { maxAliasCount: 100, merge: false });
}

function operationOf(patch: ModifierPatch): PatchOperation {
  const { operation: op, path, from } = patch;
  return {
    op,
    path,
    ...(from === undefined ? {} : { from }),
    ...(op === "add" || op === "replace" || op === "test" ? { value: patchValue(patch.value ?? "") } : {}),
  };
}

/**
 * Velero's reading of a value: it is spliced into JSON text. Numbers, booleans, null, objects and lists stand as they
 * are, all else between quotes; text that is quoted already stays text, whatever it looks like.
 * @throws Error where that is no JSON, as in Velero: a number of Go that is none of JSON, a bare quotation mark
 */
export function patchValue(text: string): unknown {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  const spliced = isQuoted ? text : isBare(text) ? text : `"${text}"`;
  try {
    return parseJson(spliced);
  } catch (error) {
    const why = `value ${JSON.stringify(text)} is no JSON where Velero's format puts it: ${messageOf(error)}`;
    throw new Error(`${why}; write text that looks like a number or a boolean as "\\"${text}\\""`, { cause: error });
  }
}

/** What Go's ParseFloat reads, but for hexadecimal numbers. */
const GO_FLOAT = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)$/i;

function isBare(text: string): boolean {
  if (text === "null" || /^(?:true|false)$/i.test(text) || /^[{[]/.test(text)) return true;
  return GO_FLOAT.test(text) && (Number.isFinite(Number(text)) || !/\d/.test(text));
}

function isFailedTest(error: unknown): boolean {
  return isCoded(error, "InvalidPatch") && error.data.test;
}
