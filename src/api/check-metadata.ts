/** What a user may write into `metadata`, beyond what a schema of `type: object` says. */
import { COMMAND_ANNOTATIONS } from "./annotations.ts";
import { nearest } from "./nearest.ts";
import type { Finding, ProblemCode } from "./problem.ts";

/** Fields that the API server fills in: tolerated in YAML (`kubectl get -o yaml` writes them), and ignored. */
const SERVER_FIELDS = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "managedFields",
  "ownerReferences",
];
const OWN_FIELDS = ["name", "namespace", "labels", "annotations", "finalizers"];

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED = /^(?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Findings about names, labels and annotations. `fromGit`: command annotations are refused. */
export function metadataFindings(metadata: Readonly<Record<string, unknown>>, fromGit: boolean): Finding[] {
  return [
    ...nameFindings(metadata),
    ...fieldFindings(metadata),
    ...labelFindings(metadata.labels),
    ...annotationFindings(metadata.annotations, fromGit),
  ];
}

function nameFindings({ name, namespace, generateName }: Readonly<Record<string, unknown>>): Finding[] {
  const found: Finding[] = [];
  const say = (code: ProblemCode, message: string, path: readonly string[], atKey = false): void => {
    found.push({ code, message, path, atKey });
  };
  if (generateName !== undefined) {
    say(
      "BadName",
      "metadata.generateName names nothing: what stands in Git needs a name",
      ["metadata", "generateName"],
      true,
    );
  }
  if (name === undefined && generateName === undefined)
    say("MissingField", "metadata.name is missing", ["metadata"], true);
  else if (name !== undefined && typeof name !== "string")
    say("WrongType", "metadata.name must be text", ["metadata", "name"]);
  else if (typeof name === "string" && (name.length > 253 || !SUBDOMAIN.test(name))) {
    say("BadName", "metadata.name must be at most 253 lower-case letters, digits, - and .", ["metadata", "name"]);
  }
  if (namespace !== undefined && (typeof namespace !== "string" || namespace.length > 63 || !LABEL.test(namespace))) {
    say("BadName", "metadata.namespace must be at most 63 lower-case letters, digits and -", ["metadata", "namespace"]);
  }
  return found;
}

function fieldFindings(metadata: Readonly<Record<string, unknown>>): Finding[] {
  const known = [...OWN_FIELDS, ...SERVER_FIELDS, "generateName"];
  return Object.keys(metadata)
    .filter((field) => !known.includes(field))
    .map((field) => {
      const suggestion = nearest(field, OWN_FIELDS);
      return {
        code: "UnknownField",
        message: `unknown field "metadata.${field}"`,
        path: ["metadata", field],
        atKey: true,
        ...(suggestion === undefined ? {} : { hint: `did you mean "${suggestion}"?` }),
      };
    });
}

function labelFindings(labels: unknown): Finding[] {
  return stringMap(labels, "labels").concat(
    entries(labels)
      .filter(([name, value]) => typeof value === "string" && !(isQualified(name) && LABEL_VALUE.test(value)))
      .map(([name]) => ({
        code: "BadName",
        message: `the API server takes no such label: ${name}`,
        path: ["metadata", "labels", name],
        hint: "a value has at most 63 letters, digits, - _ and .",
      })),
  );
}

function annotationFindings(annotations: unknown, fromGit: boolean): Finding[] {
  const found = stringMap(annotations, "annotations");
  for (const [name] of entries(annotations)) {
    const path = ["metadata", "annotations", name];
    if (!isQualified(name)) {
      found.push({ code: "BadName", message: `the API server takes no such annotation: ${name}`, path, atKey: true });
    } else if (fromGit && COMMAND_ANNOTATIONS.includes(name)) {
      const message = `${name} is a command, and commands are not taken from Git`;
      found.push({
        code: "CommandAnnotation",
        message,
        path,
        atKey: true,
        hint: "annotate the live object with kubectl",
      });
    }
  }
  return found;
}

function stringMap(value: unknown, field: string): Finding[] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ code: "WrongType", message: `metadata.${field} must be a mapping`, path: ["metadata", field] }];
  }
  return entries(value)
    .filter(([, item]) => typeof item !== "string")
    .map(([name, item]) => ({
      code: "WrongType",
      message: `metadata.${field} "${name}" must be text, not ${JSON.stringify(item)}`,
      path: ["metadata", field, name],
      hint: "put it in quotes",
    }));
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function isQualified(name: string): boolean {
  return QUALIFIED.test(name) && (name.includes("/") ? name.indexOf("/") <= 253 : name.length <= 63);
}
