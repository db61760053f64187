/** Writes single fields into a YAML file and leaves every other byte of it: comments, order and quotes stay as they were. */
import { type Document, isMap, isScalar, type Pair, parseAllDocuments, type Scalar, type YAMLMap } from "yaml";
import { canonicalJson } from "../api/json.ts";
import { CodedError } from "../errors.ts";

/** A field to write; its mapping must exist and hold a plain value. */
export interface YamlPin {
  /** The line its document begins in, from 1. */
  readonly line: number;
  readonly path: readonly [string, ...string[]];
  readonly value: string;
}

/**
 * The text with the field replaced or, where it is absent, added below the first plain value of its mapping.
 * @throws {Usage} when the file is written in a way that can't be edited safely
 */
export function pinYaml(text: string, pin: YamlPin): string {
  const field = pin.path.join(".");
  const document = documentAt(text, parseAllDocuments(text), pin.line);
  if (document === undefined) throw notEditable(field, pin.value);
  const key = pin.path.at(-1) ?? "";
  const standing = document.getIn(pin.path, true);
  const parent = document.getIn(pin.path.slice(0, -1), true);
  const edited = isScalar(standing)
    ? spliced(text, rangeOf(standing), JSON.stringify(pin.value))
    : isMap(parent)
      ? added(text, parent, { key, value: pin.value })
      : undefined;
  if (edited === undefined || !isOnlyChange(text, edited, pin)) throw notEditable(field, pin.value);
  return edited;
}

function added(text: string, parent: YAMLMap, { key, value }: { key: string; value: string }): string | undefined {
  const sibling = parent.items.find((pair) => isScalar(pair.value)) as Pair<Scalar, Scalar> | undefined;
  if (sibling?.value?.range == null || sibling.key.range == null) return undefined;
  const end = sibling.value.range[1];
  const isQuoted = sibling.key.type === "QUOTE_DOUBLE";
  const line = `${isQuoted ? JSON.stringify(key) : key}: ${JSON.stringify(value)}`;
  if (parent.flow === true) return spliced(text, [end, end], `, ${line}`);
  const start = sibling.key.range[0];
  // "- name: x" and "? name" too: the column counts, not what stands before it
  const indent = " ".repeat(start - (text.lastIndexOf("\n", start - 1) + 1));
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const next = text.indexOf("\n", end);
  return next === -1
    ? `${text}${newline}${indent}${line}`
    : spliced(text, [next + 1, next + 1], indent + line + newline);
}

/** Reads both texts again: whatever the shape of the file was, nothing else may have changed. */
function isOnlyChange(before: string, after: string, { line, path, value }: YamlPin): boolean {
  const wanted = parseAllDocuments(before);
  documentAt(before, wanted, line)?.setIn(path, value);
  const made = parseAllDocuments(after);
  return (
    made.every(({ errors }) => errors.length === 0) &&
    canonicalJson(wanted.map((each) => each.toJS())) === canonicalJson(made.map((each) => each.toJS()))
  );
}

function documentAt(text: string, documents: readonly Document[], line: number): Document | undefined {
  return documents.find((each) => text.slice(0, each.contents?.range?.[0] ?? 0).split("\n").length === line);
}

function rangeOf(node: Scalar): readonly [number, number] {
  return [node.range?.[0] ?? 0, node.range?.[1] ?? 0];
}

function spliced(text: string, [from, to]: readonly [number, number], put: string): string {
  return text.slice(0, from) + put + text.slice(to);
}

function notEditable(field: string, value: string): CodedError {
  return new CodedError(
    "Usage",
    { argument: "--write" },
    `${field} can't be written into this file: add ${field}: "${value}" by hand`,
  );
}
