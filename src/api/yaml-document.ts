/**
 * YAML text as JSON values that know where they were written. Narrower than YAML on purpose: what two readers could
 * take for different values, or what could grow without bounds, is refused.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
} from "yaml";
import { parseJson } from "./json.ts";
import type { FieldPath, ProblemCode } from "./problem.ts";

const MAX_DEPTH = 64;
const MAX_ALIASES = 100;
/** Values of one document, each expansion of an alias counted again. */
const MAX_VALUES = 100_000;

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlProblem extends Position {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint?: string;
}

/** One document of a file. */
export interface YamlDocument extends Position {
  /** Plain JSON; null for an empty document. */
  readonly value: unknown;
  /** Where a field's value (or its key) stands; for a field that isn't there, the nearest field around it. */
  locate(path: FieldPath, atKey?: boolean): Position;
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  /** When there are any, no document of the file is to be believed. */
  readonly problems: readonly YamlProblem[];
  readonly warnings: readonly YamlProblem[];
}

/** Reads all documents of a text. Never throws for what the text holds. */
export function readYaml(text: string): YamlFile {
  const tooDeep = depthProblem(text);
  if (tooDeep !== undefined) return { documents: [], problems: [tooDeep], warnings: [] };
  const lines = new LineCounter();
  const options = {
    lineCounter: lines,
    prettyErrors: false,
    merge: false,
    uniqueKeys: true,
    version: "1.2",
    logLevel: "silent",
  } as const;
  const parsed = parseAllDocuments(text, options);
  const reader = new Reader(lines);
  const documents: YamlDocument[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    reader.reportErrors(document);
    if (reader.problems.length === 0) documents.push(reader.read(document));
  }
  return {
    documents: reader.problems.length === 0 ? documents : [],
    problems: reader.problems,
    warnings: reader.warnings,
  };
}

/** The library takes a time that grows with the square of open brackets, so they are counted first, wherever they stand. */
function depthProblem(text: string): YamlProblem | undefined {
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN_BRACKET || code === OPEN_BRACE) open++;
    else if ((code === CLOSE_BRACKET || code === CLOSE_BRACE) && open > 0) open--;
    if (open <= MAX_OPEN_BRACKETS) continue;
    const before = text.slice(0, at).split("\n");
    const message = `more than ${MAX_OPEN_BRACKETS} brackets stand open`;
    return { code: "TooDeep", message, line: before.length, column: (before.at(-1) ?? "").length + 1 };
  }
  return undefined;
}

const MAX_OPEN_BRACKETS = 1000;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Thrown and caught inside this file: a document that breaks a bound is not read to its end. */
class BoundError extends Error {}

const STANDARD_TAG = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/** Turns the parts of one file into values and problems. */
class Reader {
  readonly problems: YamlProblem[] = [];
  readonly warnings: YamlProblem[] = [];
  readonly #lines: LineCounter;
  #document: Document | undefined;
  #aliases = 0;
  #values = 0;

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  /** The first syntax error; the library's later ones mostly follow from it. Duplicate keys are told one by one. */
  reportErrors(document: Document): void {
    const errors = [...document.errors].sort((a, b) => a.pos[0] - b.pos[0]);
    const duplicates = errors.filter(({ code }) => code === "DUPLICATE_KEY");
    for (const error of duplicates.length === errors.length ? duplicates : errors.slice(0, 1)) {
      const isDuplicate = error.code === "DUPLICATE_KEY";
      const isDeep = error.code === "RESOURCE_EXHAUSTION";
      this.problems.push({
        code: isDuplicate ? "DuplicateKey" : isDeep ? "TooDeep" : "InvalidYaml",
        message: isDuplicate
          ? "this key stands twice in its mapping"
          : `not valid YAML: ${firstSentence(error.message)}`,
        ...this.#position(error.pos[0]),
        ...(error.code === "TAB_AS_INDENT" ? { hint: "indent with spaces" } : {}),
      });
    }
  }

  read(document: Document): YamlDocument {
    this.#document = document;
    this.#aliases = 0;
    this.#values = 0;
    const root = document.contents as Node | null;
    let value: unknown = null;
    try {
      value = this.#value(root, 0);
    } catch (error) {
      if (!(error instanceof BoundError)) throw error;
    }
    return { value, ...this.#start(root), locate: (path, atKey) => this.#locate(document, path, atKey === true) };
  }

  #value(node: Node | null | undefined, depth: number): unknown {
    if (node === null || node === undefined) return null;
    if (depth > MAX_DEPTH) this.#stop("TooDeep", `nested deeper than ${MAX_DEPTH} levels`, node);
    if (++this.#values > MAX_VALUES)
      this.#stop("TooManyAliases", `more than ${MAX_VALUES} values in one document`, node);
    if (isAlias(node)) return this.#alias(node, depth);
    if (node.tag !== undefined && !STANDARD_TAG.test(node.tag)) {
      this.#report("CustomTag", `the tag ${node.tag} is not understood`, node, "write the value without a tag");
    }
    if (isSeq(node)) return node.items.map((item) => this.#value(item as Node | null, depth + 1));
    if (isMap(node)) return this.#mapping(node.items as MappingItem[], depth);
    return isScalar(node) ? this.#scalar(node) : null;
  }

  #alias(node: Node, depth: number): unknown {
    if (++this.#aliases > MAX_ALIASES)
      this.#stop("TooManyAliases", `more than ${MAX_ALIASES} aliases in one document`, node);
    const target = this.#target(node);
    if (target === undefined) this.#stop("InvalidYaml", "this alias has no anchor before it", node);
    return this.#value(target, depth + 1);
  }

  #mapping(items: readonly MappingItem[], depth: number): Record<string, unknown> {
    const mapping: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = isScalar(key) ? keyText(key) : undefined;
      if (name === undefined) this.#report("BadKey", "a key must be plain text", key ?? value);
      else if (name === "<<" && isScalar(key) && key.type === "PLAIN") {
        this.#report("MergeKey", "merge keys (<<) are not read", key, "write the fields out");
      } else setOwn(mapping, name, this.#value(value, depth + 1));
    }
    return mapping;
  }

  #scalar(node: Scalar): unknown {
    const { value, source = "" } = node;
    const isPlain = node.type === Scalar.PLAIN;
    if (typeof value === "string" && isPlain && /^(?:yes|no|on|off)$/i.test(value)) {
      this.#warn(
        `${value} is text here and true or false to kubectl and other YAML 1.1 readers`,
        node,
        `write "${value}", true or false`,
      );
    }
    if (typeof value !== "number") return typeof value === "bigint" ? String(value) : value;
    if (!Number.isFinite(value)) this.#report("InvalidValue", `${source} is no number in JSON`, node);
    else if (/^[-+]?0\d/.test(source)) {
      this.#report(
        "AmbiguousScalar",
        `${source} is octal to some readers and decimal to others`,
        node,
        "leave the leading zero out, or quote it",
      );
    }
    return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(source) ? parseJson(source) : value;
  }

  #target(node: Node): Node | undefined {
    return isAlias(node) && this.#document !== undefined ? (node.resolve(this.#document) as Node | undefined) : node;
  }

  #locate(document: Document, path: FieldPath, atKey: boolean): Position {
    this.#document = document;
    let at = document.contents as Node | null | undefined;
    let container = at;
    let key: Node | null | undefined = at;
    for (const step of path) {
      container = at === null || at === undefined ? at : this.#target(at);
      const found: MappingItem | undefined = childOf(container, step);
      if (found === undefined) return this.#start(key);
      key = found.key ?? found.value;
      at = found.value;
    }
    return this.#start(atKey ? key : (at ?? key));
  }

  #start(node: Node | null | undefined): Position {
    return this.#position(node?.range?.[0] ?? 0);
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #report(code: ProblemCode, message: string, node: Node | null | undefined, hint?: string): void {
    this.problems.push({ code, message, ...this.#start(node), ...(hint === undefined ? {} : { hint }) });
  }

  #warn(message: string, node: Node, hint: string): void {
    this.warnings.push({ code: "AmbiguousScalar", message, ...this.#start(node), hint });
  }

  #stop(code: ProblemCode, message: string, node: Node): never {
    this.#report(code, message, node);
    throw new BoundError(message);
  }
}

interface MappingItem {
  readonly key?: Node | null;
  readonly value?: Node | null;
}

function childOf(container: Node | null | undefined, step: string | number): MappingItem | undefined {
  if (isMap(container)) {
    return (container.items as MappingItem[]).find(({ key }) => isScalar(key) && keyText(key) === String(step));
  }
  if (!isSeq(container) || typeof step !== "number" || step >= container.items.length) return undefined;
  return { value: container.items[step] as Node | null };
}

/** The text of a key as JSON has it: numbers and booleans as they were written. */
function keyText(key: Scalar): string | undefined {
  if (typeof key.value === "string") return key.value;
  return key.value === null ? undefined : (key.source ?? String(key.value));
}

function firstSentence(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/\.$/, "");
}

function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
