/**
 * Velero's configuration as Holdfast's: what has a counterpart becomes YAML, what has none is listed with its line.
 * Pure: it knows texts and objects, no files and no cluster.
 */
import type { KubeObject } from "../api/object.ts";
import type { FieldPath } from "../api/problem.ts";
import { readYaml, type YamlDocument } from "../api/yaml-document.ts";

/** One text of Velero's, as a file holds it, or an object as the cluster does. */
export interface VeleroInput {
  /** As people write it: a path, or `cluster` for a live one. */
  readonly file: string;
  readonly text: string;
}

/** An object with the places of its fields. */
export interface Located {
  readonly object: KubeObject;
  readonly file: string;
  /** Line of a field, from 1; for a field that isn't there, of the nearest around it. */
  lineOf(path: FieldPath): number;
}

/** Something that a person must know about the conversion. */
export interface Note {
  readonly file: string;
  readonly line: number;
  /** `lost`: no counterpart. `changed`: means something else here. `unread`: the document could not be converted. */
  readonly level: "lost" | "changed" | "unread";
  /** Such as `Schedule/daily`. */
  readonly object: string;
  /** Such as `spec.template.csiSnapshotTimeout`; empty for the whole object. */
  readonly field: string;
  readonly message: string;
}

export interface ReadInputs {
  readonly objects: readonly Located[];
  readonly notes: readonly Note[];
}

/** Every object of the texts; a List is opened. */
export function readInputs(inputs: readonly VeleroInput[]): ReadInputs {
  const objects: Located[] = [];
  const notes: Note[] = [];
  for (const { file, text } of inputs) {
    const yaml = readYaml(text);
    for (const { line, message } of yaml.problems)
      notes.push({ file, line, level: "unread", object: "", field: "", message });
    for (const document of yaml.problems.length > 0 ? [] : yaml.documents) objects.push(...opened(document, file));
  }
  return { objects, notes };
}

function opened(document: YamlDocument, file: string): Located[] {
  const { value } = document;
  if (!isObject(value)) return [];
  if (!Array.isArray(value.items)) return [located(document, file, value, [])];
  return value.items.flatMap((item: unknown, index) =>
    isObject(item) ? [located(document, file, item, ["items", index])] : [],
  );
}

function located(document: YamlDocument, file: string, object: KubeObject, at: FieldPath): Located {
  return { object, file, lineOf: (path) => document.locate([...at, ...path], true).line };
}

/** `Schedule/daily`. */
export function nameOf({ object }: Located): string {
  return `${object.kind}/${object.metadata.name}`;
}

/** A note about a field of an object. */
export function noteOn(at: Located, level: Note["level"], path: FieldPath, message: string): Note {
  const field = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return { file: at.file, line: at.lineOf(path), level, object: nameOf(at), field: field.replace(/^\./, ""), message };
}

function isObject(value: unknown): value is KubeObject {
  if (typeof value !== "object" || value === null) return false;
  const { kind, metadata, items } = value as { kind?: unknown; metadata?: { name?: unknown }; items?: unknown };
  return typeof kind === "string" && (typeof metadata?.name === "string" || Array.isArray(items));
}

/** One line for a person: `file:line: level: object field: message`. */
export function formatNote({ file, line, level, object, field, message }: Note): string {
  const what = [object, field].filter((part) => part !== "").join(" ");
  return `${file}:${line}: ${level}: ${what === "" ? "" : `${what}: `}${message}`;
}
