/** Files from Git as documents of ours: bytes to text, text to YAML, and what is not ours put aside. */
import { GIT_KINDS, GROUP, KINDS, type KindName, VERSION } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { KubeObject } from "./object.ts";
import type { FieldPath, Problem, ProblemCode } from "./problem.ts";
import { type Position, readYaml, type YamlDocument } from "./yaml-document.ts";

/** A file of the tree; `path` as people write it. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A document that says it is of a kind of ours; not validated. */
export interface UncheckedDocument extends Position {
  readonly kind: KindName;
  readonly object: KubeObject;
  readonly file: string;
  locate(path: FieldPath, atKey?: boolean): Position;
}

export interface ParsedFile {
  readonly documents: readonly UncheckedDocument[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Documents of other API groups, or of none. */
  readonly ignored: number;
}

/** Files are refused above this. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Longer files that never say our name are passed over unread: bundles of other people's CRDs take seconds to parse. */
const MAX_FOREIGN_LENGTH = 64 * 1024;

/** True for the files that are read at all. */
export function isReadable(path: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(path);
}

/** Reads one file. Never throws for what the file holds. */
export function parseFile(file: SourceFile, options: { readonly acceptGitSource?: boolean } = {}): ParsedFile {
  const text = decode(file);
  if (typeof text !== "string") return { documents: [], problems: [text], warnings: [], ignored: 0 };
  if (text.length > MAX_FOREIGN_LENGTH && !/holdfast/i.test(text)) {
    return { documents: [], problems: [], warnings: [], ignored: text.split(/^---/m).length };
  }
  const yaml = readYaml(text);
  const documents: UncheckedDocument[] = [];
  const problems: Problem[] = yaml.problems.map((problem) => ({ file: file.path, ...problem }));
  const warnings: Problem[] = [];
  let ignored = 0;
  for (const document of yaml.documents) {
    const sorted = sort(document, file.path, options.acceptGitSource === true);
    if (sorted.type === "ours") documents.push(sorted.document);
    else if (sorted.type === "problem") problems.push(sorted.problem);
    else if (sorted.type === "foreign") {
      ignored++;
      if (sorted.warning !== undefined) warnings.push(sorted.warning);
    }
  }
  if (documents.length > 0) warnings.push(...yaml.warnings.map((warning) => ({ file: file.path, ...warning })));
  return { documents, problems, warnings, ignored };
}

type Sorted =
  | { readonly type: "ours"; readonly document: UncheckedDocument }
  | { readonly type: "foreign"; readonly warning: Problem | undefined }
  | { readonly type: "empty" }
  | { readonly type: "problem"; readonly problem: Problem };

function sort(document: YamlDocument, file: string, acceptGitSource: boolean): Sorted {
  const { value } = document;
  if (value === null) return { type: "empty" };
  if (!isRecord(value)) return { type: "foreign", warning: undefined };
  const problem = (code: ProblemCode, message: string, path: FieldPath, hint?: string): Sorted => ({
    type: "problem",
    problem: { code, message, file, ...document.locate(path), ...(hint === undefined ? {} : { hint }) },
  });
  const { apiVersion, kind } = value;
  if (holdsOurs(value)) {
    return problem("ListNotRead", "a List is not read", ["kind"], "write each object as a document of its own");
  }
  if (apiVersion === undefined) {
    return isOurKind(kind)
      ? problem("MissingField", `apiVersion is missing`, ["kind"], `write apiVersion: ${GROUP}/${VERSION}`)
      : { type: "foreign", warning: undefined };
  }
  if (typeof apiVersion !== "string") return problem("WrongType", "apiVersion must be text", ["apiVersion"]);
  const [group = "", version] = apiVersion.split("/");
  if (group !== GROUP) return { type: "foreign", warning: mistypedGroup(document, file, group) };
  if (version !== VERSION) {
    return problem(
      "UnknownVersion",
      `unknown version ${apiVersion}`,
      ["apiVersion"],
      `this Holdfast reads ${GROUP}/${VERSION}`,
    );
  }
  if (kind === undefined) return problem("MissingField", "kind is missing", ["apiVersion"]);
  const known = KINDS.find((entry) => entry.kind === kind);
  if (known === undefined) {
    const suggestion = nearest(
      String(kind),
      KINDS.map((entry) => entry.kind),
    );
    const hint =
      suggestion === undefined
        ? `kinds are ${KINDS.map((entry) => entry.kind).join(", ")}`
        : `did you mean "${suggestion}"?`;
    return problem("UnknownKind", `unknown kind ${JSON.stringify(kind)} in ${GROUP}`, ["kind"], hint);
  }
  if (!acceptGitSource && !GIT_KINDS.includes(known)) {
    return problem(
      "NotInGit",
      `a ${known.kind} is not read from Git`,
      ["kind"],
      "apply it with kubectl: it says which Git is read",
    );
  }
  const { line, column, locate } = document;
  return { type: "ours", document: { kind: known.kind, object: value as KubeObject, file, line, column, locate } };
}

function mistypedGroup(document: YamlDocument, file: string, group: string): Problem | undefined {
  if (nearest(group, [GROUP]) === undefined) return undefined;
  const message = `${group} is another API group, so this document is ignored`;
  return { code: "Ignored", message, file, ...document.locate(["apiVersion"]), hint: `did you mean "${GROUP}"?` };
}

function holdsOurs(value: Record<string, unknown>): boolean {
  return (
    value.apiVersion === "v1" &&
    value.kind === "List" &&
    Array.isArray(value.items) &&
    value.items.some((item) => isRecord(item) && String(item.apiVersion).startsWith(`${GROUP}/`))
  );
}

function isOurKind(kind: unknown): boolean {
  return KINDS.some((entry) => entry.kind === kind);
}

/** The text of a file, or why there is none. */
function decode({ path, bytes }: SourceFile): string | Problem {
  const refuse = (
    code: ProblemCode,
    message: string,
    hint: string,
    at: Position = { line: 1, column: 1 },
  ): Problem => ({
    code,
    message,
    file: path,
    ...at,
    hint,
  });
  if (bytes.length > MAX_FILE_BYTES) {
    return refuse("TooLarge", `the file is larger than 1 MiB`, "split it into several files");
  }
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || bytes.subarray(0, 4).includes(0)) {
    return refuse("BadEncoding", "the file is not UTF-8 but UTF-16 or binary", "save it as UTF-8");
  }
  const text = new TextDecoder("utf-8").decode(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: YAML forbids these, and the parser lets them through
  const bad = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text)?.index;
  if (bad !== undefined)
    return refuse("BadEncoding", "a control character stands here", "remove it", positionIn(text, bad));
  const broken = text.indexOf("\ufffd");
  if (broken >= 0 && !isUtf8(bytes)) {
    return refuse("BadEncoding", "these bytes are not UTF-8", "save the file as UTF-8", positionIn(text, broken));
  }
  return text;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes) !== undefined;
  } catch {
    return false; // a TypeError is how a fatal decoder says no
  }
}

function positionIn(text: string, index: number): Position {
  const before = text.slice(0, index).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
