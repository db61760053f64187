/** Everything that can be known of an object, or of a tree of files, without a cluster. Pure: bytes in, findings out. */

import { metadataFindings } from "./check-metadata.ts";
import {
  backupFindings,
  type CheckContext,
  gitSourceFindings,
  locationFindings,
  policyFindings,
  restorePlanFindings,
} from "./check-specs.ts";
import { jsonDigest } from "./digest.ts";
import type {
  BackupPolicySpec,
  BackupSpec,
  BackupStorageLocationSpec,
  GitSourceSpec,
  RestorePlanSpec,
} from "./kinds.generated.ts";
import type { KindName } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import { formatKey, type KubeObject, keyOf } from "./object.ts";
import { isReadable, parseFile, type SourceFile, type UncheckedDocument } from "./parse.ts";
import { type FieldPath, type Finding, formatField, type Problem } from "./problem.ts";
import { schemaFindings } from "./schema-check.ts";

export interface ValidateOptions {
  /** Holdfast's own namespace; also that of documents that name none. */
  readonly defaultNamespace: string;
  /** True for a tree that somebody else applies: then a GitSource may stand in it. Absent: false. */
  readonly acceptGitSource?: boolean;
  /** Locations that exist, as `namespace/name`. Absent: the tree is only compared with itself. */
  readonly knownLocations?: ReadonlySet<string>;
}

/** A document of ours that is valid. */
export interface ParsedDocument {
  readonly kind: KindName;
  /** As written, with its namespace filled in. */
  readonly object: KubeObject;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** SHA-256 of the canonical JSON of `spec`, as written. */
  readonly digest: string;
}

export interface ValidatedTree {
  /** In the order of the files. A file with a problem gives none. */
  readonly documents: readonly ParsedDocument[];
  readonly problems: readonly Problem[];
  /** Remarks that stop nothing. */
  readonly warnings: readonly Problem[];
  /** Documents of other API groups. */
  readonly ignored: number;
  /** YAML and JSON files that were read. */
  readonly files: number;
}

/** Reads and checks the files of one commit. Files that are no YAML or JSON are passed over. */
export function validateTree(files: readonly SourceFile[], options: ValidateOptions): ValidatedTree {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const checked: CheckedDocument[] = [];
  let ignored = 0;
  const readable = files.filter((file) => isReadable(file.path));
  for (const file of readable) {
    const parsed = parseFile(file, { acceptGitSource: options.acceptGitSource === true });
    problems.push(...parsed.problems);
    warnings.push(...parsed.warnings);
    ignored += parsed.ignored;
    for (const document of parsed.documents) checked.push(check(document, options, problems, warnings));
  }
  problems.push(...duplicates(checked), ...twoDefaults(checked), ...unknownLocations(checked, options, warnings));
  const bad = new Set(problems.map(({ file }) => file));
  const documents = checked.filter(({ file }) => !bad.has(file)).map(publish);
  return {
    documents,
    problems: problems.sort(byPlace),
    warnings: warnings.sort(byPlace),
    ignored,
    files: readable.length,
  };
}

/** Checks one object by itself: a live one, or one just read. */
export function validateObject(
  kind: KindName,
  object: KubeObject,
  options: Pick<ValidateOptions, "defaultNamespace"> & { readonly fromGit: boolean },
): Finding[] {
  const metadata = typeof object.metadata === "object" && object.metadata !== null ? object.metadata : undefined;
  const shape = schemaFindings(kind, object);
  const names = metadata === undefined ? [] : metadataFindings(metadata, options.fromGit);
  if (shape.length > 0 || typeof metadata?.name !== "string") return [...shape, ...names];
  const context: CheckContext = {
    name: metadata.name,
    namespace: metadata.namespace ?? options.defaultNamespace,
    ownNamespace: options.defaultNamespace,
    fromGit: options.fromGit,
  };
  return [...names, ...specFindings(kind, object.spec, context)];
}

interface CheckedDocument extends UncheckedDocument {
  readonly isValid: boolean;
}

function specFindings(kind: KindName, spec: unknown, context: CheckContext): Finding[] {
  switch (kind) {
    case "Backup":
      return backupFindings(spec as BackupSpec, context);
    case "BackupPolicy":
      return policyFindings(spec as BackupPolicySpec, context);
    case "BackupStorageLocation":
      return locationFindings(spec as BackupStorageLocationSpec);
    case "GitSource":
      return gitSourceFindings(spec as GitSourceSpec);
    case "RestorePlan":
      return restorePlanFindings(spec as RestorePlanSpec, context);
  }
}

function check(
  document: UncheckedDocument,
  options: ValidateOptions,
  problems: Problem[],
  warnings: Problem[],
): CheckedDocument {
  const findings = validateObject(document.kind, document.object, { ...options, fromGit: true });
  for (const finding of findings) (finding.isWarning === true ? warnings : problems).push(located(document, finding));
  if (document.object.status !== undefined) {
    const path: FieldPath = ["status"];
    const message = "status is written by Holdfast; what stands here is ignored";
    warnings.push(located(document, { code: "Ignored", message, path, atKey: true }));
  }
  const isValid = findings.every(({ isWarning }) => isWarning === true);
  return isValid ? { ...document, object: withNamespace(document.object, options), isValid } : { ...document, isValid };
}

function withNamespace(object: KubeObject, { defaultNamespace }: ValidateOptions): KubeObject {
  if (object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: defaultNamespace } };
}

function publish({ kind, object, file, line, column }: CheckedDocument): ParsedDocument {
  return { kind, object, file, line, column, digest: jsonDigest(object.spec ?? null) };
}

function located(document: UncheckedDocument, { code, message, path, atKey, hint }: Finding): Problem {
  return {
    code,
    message,
    file: document.file,
    ...document.locate(path, atKey),
    ...(path.length === 0 ? {} : { field: formatField(path) }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Neither of two documents for one object is applied: nobody can say which was meant. */
function duplicates(documents: readonly CheckedDocument[]): Problem[] {
  const first = new Map<string, CheckedDocument>();
  const found: Problem[] = [];
  for (const document of documents) {
    if (!document.isValid) continue;
    const id = `${document.kind} ${formatKey(keyOf(document.object))}`;
    const earlier = first.get(id);
    if (earlier === undefined) {
      first.set(id, document);
      continue;
    }
    const say = (at: CheckedDocument, other: CheckedDocument): void => {
      const message = `${id} is declared here and at ${other.file}:${other.line}`;
      found.push(
        located(at, { code: "DuplicateObject", message, path: ["metadata", "name"], hint: "keep one of the two" }),
      );
    };
    if (earlier.file !== document.file) say(earlier, document);
    say(document, earlier);
  }
  return found;
}

function twoDefaults(documents: readonly CheckedDocument[]): Problem[] {
  const first = new Map<string, CheckedDocument>();
  const found: Problem[] = [];
  for (const document of documents) {
    if (!document.isValid || document.kind !== "BackupStorageLocation") continue;
    if ((document.object.spec as BackupStorageLocationSpec).default !== true) continue;
    const { namespace } = keyOf(document.object);
    const earlier = first.get(namespace);
    if (earlier === undefined) first.set(namespace, document);
    else {
      const message = `a second default location in ${namespace}: ${earlier.object.metadata.name} (${earlier.file}:${earlier.line}) is one already`;
      found.push(located(document, { code: "TwoDefaults", message, path: ["spec", "default"] }));
    }
  }
  return found;
}

/** An error where all locations are known; a remark where only the tree is, and the tree declares some. */
function unknownLocations(
  documents: readonly CheckedDocument[],
  options: ValidateOptions,
  warnings: Problem[],
): Problem[] {
  const declared = documents
    .filter(({ kind, isValid }) => kind === "BackupStorageLocation" && isValid)
    .map(({ object }) => formatKey(keyOf(object)));
  const known = new Set([...declared, ...(options.knownLocations ?? [])]);
  const found: Problem[] = [];
  for (const document of documents.filter(({ isValid }) => isValid)) {
    const { namespace } = keyOf(document.object);
    const here = namesIn(known, namespace);
    for (const { name, path } of locationReferences(document)) {
      if (here.includes(name)) continue;
      const suggestion = nearest(name, here);
      const hint = suggestion === undefined ? {} : { hint: `did you mean "${suggestion}"?` };
      const message = `no BackupStorageLocation ${namespace}/${name}`;
      const problem = located(document, { code: "UnknownLocation", message, path, ...hint });
      if (options.knownLocations !== undefined) found.push(problem);
      else if (here.length > 0) warnings.push({ ...problem, message: `${message} in these files` });
    }
  }
  return found;
}

function namesIn(keys: ReadonlySet<string>, namespace: string): string[] {
  return [...keys].filter((key) => key.startsWith(`${namespace}/`)).map((key) => key.slice(namespace.length + 1));
}

function locationReferences({ kind, object }: CheckedDocument): { name: string; path: FieldPath }[] {
  const at = (
    spec: { readonly storageLocation?: string } | undefined,
    path: FieldPath,
  ): { name: string; path: FieldPath }[] =>
    spec?.storageLocation === undefined ? [] : [{ name: spec.storageLocation, path: [...path, "storageLocation"] }];
  if (kind === "Backup") return at(object.spec as BackupSpec, ["spec"]);
  if (kind === "BackupPolicy") return at((object.spec as BackupPolicySpec).template, ["spec", "template"]);
  if (kind === "RestorePlan") return at((object.spec as RestorePlanSpec).safetyBackup, ["spec", "safetyBackup"]);
  return [];
}

function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}
