/** Reads the fields of a resource policy as strictly as Velero does: what is unknown or of another type is refused with its path. */

/** Why a policy is refused; the message names the field. */
export class PolicyProblem extends Error {}

/** @throws {PolicyProblem} when the map has a field that is not known */
export function onlyFields(record: Readonly<Record<string, unknown>>, known: readonly string[], at: string): void {
  const unknown = Object.keys(record).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw new PolicyProblem(`failed to decode yaml data into resource policies: unknown field ${at}${unknown}`);
}

/** A map; empty where nothing is written. @throws {PolicyProblem} */
export function asRecord(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new PolicyProblem(`failed to decode yaml data into resource policies: ${at} must be a map`);
}

/** A list; empty where nothing is written. @throws {PolicyProblem} */
export function asList(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new PolicyProblem(`failed to decode yaml data into resource policies: ${at} must be a list`);
}

/** A text; a number or a truth value is taken as it is written. @throws {PolicyProblem} */
export function asText(value: unknown, at: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return String(value);
  throw new PolicyProblem(`failed to decode yaml data into resource policies: ${at} must be a text`);
}

/** A list of texts. @throws {PolicyProblem} */
export function asTexts(value: unknown, at: string): readonly string[] {
  return asList(value, at).map((entry, index) => asText(entry, `${at}[${index}]`));
}

/** A map of texts. @throws {PolicyProblem} */
export function asTextMap(value: unknown, at: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(asRecord(value, at)).map(([key, entry]) => [key, asText(entry, `${at}.${key}`)]),
  );
}
