/** Names of time zones: those of the IANA database, and only those, spelled as it spells them. */

import { nearest } from "./nearest.ts";

const AREAS =
  /^(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe|Indian|Mexico|Pacific|US)\//;

/** The database's names without an area. ICU knows more (`PST`, `IST`, `SystemV/…`), each with a meaning of its own. */
const WITHOUT_AREA = new Set(
  (
    "CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran " +
    "Israel Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK " +
    "Singapore Turkey UCT UTC Universal W-SU WET Zulu"
  ).split(" "),
);

/** What is wrong with a zone's name, with a remedy; undefined when nothing is. */
export function timeZoneProblem(name: string): string | undefined {
  if (WITHOUT_AREA.has(name)) return undefined;
  const known = nameByLowerCase().get(name.toLowerCase());
  if (known === name) return undefined;
  if (known !== undefined) return `time zone "${name}" is spelled "${known}"`;
  if (/^[+-]|^UTC[+-]/.test(name)) return `"${name}" is an offset: name a zone, such as Europe/Berlin, or UTC`;
  if (AREAS.test(name) && isKnownToIcu(name)) return undefined;
  const remedy = /^[A-Z]{2,5}$/.test(name) ? "abbreviations are ambiguous: " : "";
  const suggestion = nearest(name, [...nameByLowerCase().values()]);
  const example =
    suggestion === undefined
      ? "use a name of the IANA database, such as Europe/Berlin"
      : `did you mean "${suggestion}"?`;
  return `unknown time zone "${name}": ${remedy === "" ? example : `${remedy}use a name of the IANA database, such as Europe/Berlin`}`;
}

function isKnownToIcu(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false; // a RangeError is how Intl says no
  }
}

let byLowerCase: ReadonlyMap<string, string> | undefined;

function nameByLowerCase(): ReadonlyMap<string, string> {
  byLowerCase ??= new Map(
    [...Intl.supportedValuesOf("timeZone"), ...WITHOUT_AREA].map((name) => [name.toLowerCase(), name] as const),
  );
  return byLowerCase;
}
