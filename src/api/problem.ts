/** What is wrong with what a user wrote: where, what, and what to do. */

/** Names of problems; public, like error codes. */
export type ProblemCode =
  // the file
  | "TooLarge"
  | "TooManyFiles"
  | "SymbolicLink"
  | "Submodule"
  | "BadEncoding"
  | "InvalidYaml"
  | "DuplicateKey"
  | "MergeKey"
  | "CustomTag"
  | "TooManyAliases"
  | "TooDeep"
  | "BadKey"
  | "AmbiguousScalar"
  // the document
  | "UnknownKind"
  | "UnknownVersion"
  | "NotInGit"
  | "ListNotRead"
  | "UnknownField"
  | "MissingField"
  | "WrongType"
  | "InvalidValue"
  | "BadName"
  | "CommandAnnotation"
  | "Ignored"
  // what a schema can't say
  | "InvalidCron"
  | "InvalidTimeZone"
  | "InvalidDuration"
  | "DuplicateSchedule"
  | "NameTooLong"
  | "InvalidFilter"
  | "InvalidSelector"
  | "NotSupported"
  | "InvalidMapping"
  | "InvalidModifier"
  | "AsOfMissing"
  | "ManySources"
  | "ForceWithoutUndo"
  | "CreatedOnlyWithoutUndo"
  // the tree
  | "DuplicateObject"
  | "TwoDefaults"
  | "UnknownLocation";

/** The way to a field from the document's root. */
export type FieldPath = readonly (string | number)[];

/** A problem of an object, before it is known where the object is written. */
export interface Finding {
  readonly code: ProblemCode;
  /** One sentence without a full stop; names the field where it helps. */
  readonly message: string;
  readonly path: FieldPath;
  /** Whether the key is meant and not its value. */
  readonly atKey?: boolean;
  readonly hint?: string;
  /** A remark: nothing is stopped by it. */
  readonly isWarning?: boolean;
}

/** A problem of a file. */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
  /** `spec.schedules[0].cron`; absent where no field is meant. */
  readonly field?: string;
  readonly hint?: string;
}

/** `spec.schedules[0].cron`, or `metadata.labels["a.b/c"]`. */
export function formatField(path: FieldPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_$][\w$-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** `file:line:column: message (hint)`: one line, for logs and conditions. */
export function formatProblem({ file, line, column, message, hint }: Problem): string {
  return `${file}:${line}:${column}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}
