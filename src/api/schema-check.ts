/** Objects against the JSON Schema of their kind, with findings for people. The only user of Ajv. */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import ajvFormats from "ajv-formats";
import type { KindName } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import { splitPath } from "./pointer-path.ts";
import { type FieldPath, type Finding, formatField } from "./problem.ts";
import { DEFINITIONS, KIND_SCHEMAS } from "./schemas.generated.ts";

/** More than this of one document help nobody. */
const MAX_FINDINGS = 50;

/** What the schema has against an object; empty when it is valid. */
export function schemaFindings(kind: KindName, object: unknown): Finding[] {
  const validate = validatorOf(kind);
  if (validate(object)) return [];
  const errors = validate.errors ?? [];
  const misspelt = new Set(errors.map(suggestedField));
  return errors
    .filter((error) => error.keyword !== "required" || !misspelt.has(missingField(error)))
    .slice(0, MAX_FINDINGS)
    .map(findingOf);
}

/** The field an unknown one was meant to be: that the same field is missing is no second problem. */
function suggestedField(error: ErrorObject): string | undefined {
  if (error.keyword !== "additionalProperties") return undefined;
  const known = Object.keys((error.parentSchema as SchemaNode | undefined)?.properties ?? {});
  const suggestion = nearest(String(error.params.additionalProperty), known);
  return suggestion === undefined ? undefined : formatField([...splitPath(error.instancePath), suggestion]);
}

function missingField(error: ErrorObject): string {
  return formatField([...splitPath(error.instancePath), String(error.params.missingProperty)]);
}

/** Words of other programs' specs → what to write here. */
const HINTS: Readonly<Record<string, string>> = {
  schedule: "a policy has a list: schedules[].cron",
  paused: 'it is called "suspend" here',
  scheduleName: "write source.policy.name (and source.policy.schedule)",
  backupName: "write source.backupName",
  volumeSnapshotLocations: "volume data is not copied",
  csiSnapshotTimeout: "volume data is not copied",
  itemOperationTimeout: "there are no asynchronous plug-in operations",
  useOwnerReferencesInBackup: "deleting a policy never deletes its backups",
  objectStorage: "write s3.bucket and s3.prefix",
  credential: "write s3.credentialsSecretRef",
  backupSyncPeriod: 'it is called "syncPeriod" here',
};

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly $ref?: string;
  readonly description?: string;
  readonly "x-holdfast-expects"?: string;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
}

const validators = new Map<KindName, ValidateFunction>();

function validatorOf(kind: KindName): ValidateFunction {
  const known = validators.get(kind);
  if (known !== undefined) return known;
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: true, allowUnionTypes: false });
  for (const word of VOCABULARY) ajv.addKeyword(word);
  (ajvFormats as unknown as (ajv: Ajv, formats: string[]) => void)(ajv, ["date-time"]);
  const validate = ajv.compile({ ...KIND_SCHEMAS[kind], definitions: DEFINITIONS });
  validators.set(kind, validate);
  return validate;
}

/** Keywords that say nothing to Ajv. */
export const VOCABULARY: readonly string[] = [
  "x-kubernetes-validations",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-preserve-unknown-fields",
  "x-holdfast-expects",
];

function findingOf(error: ErrorObject): Finding {
  const path = splitPath(error.instancePath);
  const field = formatField(path);
  const schema = error.parentSchema as SchemaNode | undefined;
  switch (error.keyword) {
    case "additionalProperties":
      return unknownField(path, String(error.params.additionalProperty), Object.keys(schema?.properties ?? {}));
    case "required": {
      return { code: "MissingField", message: `${missingField(error)} is missing`, path, atKey: true };
    }
    case "type":
      return {
        code: "WrongType",
        message: `${field} must be ${typeName(error.params.type)}, not ${valueName(error.data)}`,
        path,
      };
    case "enum":
      return notAllowed(path, error.data, error.params.allowedValues);
    case "pattern":
    case "format": {
      const expects =
        schema?.["x-holdfast-expects"] ??
        (error.keyword === "format"
          ? "a time such as 2026-01-31T03:00:00Z"
          : `text that matches ${error.params.pattern}`);
      return { code: "InvalidValue", message: `${field} must be ${expects}, not ${JSON.stringify(error.data)}`, path };
    }
    default:
      return { code: "InvalidValue", message: `${field} ${error.message ?? "is invalid"}`, path };
  }
}

function unknownField(path: FieldPath, name: string, known: readonly string[]): Finding {
  const full = [...path, name];
  const suggestion = nearest(name, known);
  const hint =
    suggestion === undefined ? (Object.hasOwn(HINTS, name) ? HINTS[name] : undefined) : `did you mean "${suggestion}"?`;
  const fallback = known.length > 0 && known.length <= 8 ? `known here: ${known.join(", ")}` : undefined;
  const told = hint ?? fallback;
  return {
    code: "UnknownField",
    message: `unknown field "${formatField(full)}"`,
    path: full,
    atKey: true,
    ...(told === undefined ? {} : { hint: told }),
  };
}

function notAllowed(path: FieldPath, value: unknown, allowed: readonly unknown[]): Finding {
  const names = allowed.map(String);
  const suggestion = typeof value === "string" ? nearest(value, names) : undefined;
  return {
    code: "InvalidValue",
    message: `${formatField(path)} must be ${names.length === 1 ? names[0] : `one of ${names.join(", ")}`}, not ${JSON.stringify(value)}`,
    path,
    ...(suggestion === undefined ? {} : { hint: `did you mean "${suggestion}"?` }),
  };
}

function typeName(type: unknown): string {
  const names: Readonly<Record<string, string>> = {
    string: "text",
    array: "a list",
    object: "a mapping",
    integer: "a whole number",
    boolean: "true or false",
  };
  return names[String(type)] ?? `a ${String(type)}`;
}

function valueName(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string"
    ? `the text ${JSON.stringify(value)}`
    : `${typeof value === "number" ? "the number " : ""}${String(value)}`;
}
