/** Label selectors as Kubernetes writes and evaluates them. */

/** `metav1.LabelSelector`; an empty one matches every object. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelRequirement[];
}

export interface LabelRequirement {
  readonly key: string;
  /** In, NotIn, Exists or DoesNotExist. */
  readonly operator: string;
  readonly values?: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** What is wrong with a selector, in the API server's words; empty when nothing is. */
export function labelSelectorProblems(selector: LabelSelector): string[] {
  return [
    ...Object.entries(selector.matchLabels ?? {}).flatMap(([key, value]) => [
      ...keyProblems(key),
      ...valueProblems(key, [value]),
    ]),
    ...(selector.matchExpressions ?? []).flatMap(requirementProblems),
  ];
}

function requirementProblems({ key, operator, values = [] }: LabelRequirement): string[] {
  const problems = [...keyProblems(key), ...valueProblems(key, values)];
  if (operator === "In" || operator === "NotIn") {
    if (values.length === 0)
      problems.push(`values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty (key ${key})`);
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (values.length > 0)
      problems.push(`values: Invalid value: values set must be empty for exists and does not exist (key ${key})`);
  } else problems.push(`"${operator}" is not a valid label selector operator`);
  return problems;
}

const QUALIFIED_NAME = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

function keyProblems(key: string): string[] {
  if (key === "") return ["a matchExpressions entry has no key"];
  return QUALIFIED_NAME.test(key)
    ? []
    : [`key: Invalid value: "${key}": a label key is a name, with a DNS prefix or none`];
}

function valueProblems(key: string, values: readonly string[]): string[] {
  return values
    .filter((value) => !LABEL_VALUE.test(value))
    .map(
      (value) =>
        `values: Invalid value: "${value}": at most 63 letters, digits, '-', '_' and '.', and no such sign at either end (key ${key})`,
    );
}

/** Evaluates a selector. A key that is absent satisfies NotIn and DoesNotExist, as in Kubernetes. */
export function matchesLabels(selector: LabelSelector, labels: Labels | undefined): boolean {
  const own = labels ?? {};
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (!Object.hasOwn(own, key) || own[key] !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) => satisfies(requirement, own));
}

/** One of the selectors must match; none lets any labels through. */
export function matchesAnyOf(selectors: readonly LabelSelector[], labels: Labels | undefined): boolean {
  return selectors.length === 0 || selectors.some((selector) => matchesLabels(selector, labels));
}

/** True when the selector is empty: it matches every object. */
export function selectsEverything(selector: LabelSelector | undefined): boolean {
  if (selector === undefined) return true;
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0;
}

/** The query form that LIST takes, such as `app=web,tier in (a,b),!legacy`; sorted by key, "" when empty. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return "";
  const parts = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => [key, `${key}=${value}`] as const);
  const expressions = (selector.matchExpressions ?? []).map(
    (requirement) => [requirement.key, formatRequirement(requirement)] as const,
  );
  return [...parts, ...expressions]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, text]) => text)
    .join(",");
}

/** Reads the query form; undefined when it can't be read. */
export function parseLabelSelector(text: string): LabelSelector | undefined {
  const matchExpressions: LabelRequirement[] = [];
  const matchLabels: Record<string, string> = {};
  for (const part of text.split(/,(?![^(]*\))/).map((piece) => piece.trim())) {
    if (part === "") continue;
    const parsed = parsePart(part);
    if (parsed === undefined) return undefined;
    if ("equals" in parsed) matchLabels[parsed.key] = parsed.equals;
    else matchExpressions.push(parsed);
  }
  return {
    ...(Object.keys(matchLabels).length > 0 ? { matchLabels } : {}),
    ...(matchExpressions.length > 0 ? { matchExpressions } : {}),
  };
}

function satisfies(requirement: LabelRequirement, labels: Labels): boolean {
  const present = Object.hasOwn(labels, requirement.key);
  const value = present ? labels[requirement.key] : undefined;
  const listed = value !== undefined && (requirement.values ?? []).includes(value);
  switch (requirement.operator) {
    case "In":
      return listed;
    case "NotIn":
      return !listed;
    case "Exists":
      return present;
    case "DoesNotExist":
      return !present;
    default:
      return false;
  }
}

function formatRequirement({ key, operator, values = [] }: LabelRequirement): string {
  switch (operator) {
    case "In":
      return `${key} in (${[...values].sort().join(",")})`;
    case "NotIn":
      return `${key} notin (${[...values].sort().join(",")})`;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return key;
  }
}

const NAME = "[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?";
const VALUE = "[A-Za-z0-9_.-]*";
const SET = new RegExp(`^(${NAME})\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const EQUALITY = new RegExp(`^(${NAME})\\s*(==|=|!=)\\s*(${VALUE})$`);
const EXISTS = new RegExp(`^(!?)\\s*(${NAME})$`);

function parsePart(part: string): LabelRequirement | { key: string; equals: string } | undefined {
  const [, setKey, setOperator, list = ""] = SET.exec(part) ?? [];
  if (setKey !== undefined) {
    return {
      key: setKey,
      operator: setOperator === "in" ? "In" : "NotIn",
      values: list.split(",").map((value) => value.trim()),
    };
  }
  const [, key, operator, value = ""] = EQUALITY.exec(part) ?? [];
  if (key !== undefined)
    return operator === "!=" ? { key, operator: "NotIn", values: [value] } : { key, equals: value };
  const [, negation, name] = EXISTS.exec(part) ?? [];
  return name === undefined ? undefined : { key: name, operator: negation === "!" ? "DoesNotExist" : "Exists" };
}
