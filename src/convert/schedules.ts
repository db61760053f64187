import { parseDuration } from "../api/duration.ts";
import { canonicalJson } from "../api/json.ts";
import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { DEFINITIONS } from "../api/schemas.generated.ts";
import { ownLabels, takeOver } from "./fields.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

/** What became of the Schedules. */
export interface ConvertedSchedules {
  readonly policies: readonly KubeObject[];
  /** Velero's Schedule → the policy and the schedule in it. */
  readonly places: ReadonlyMap<string, { readonly policy: string; readonly schedule: string }>;
  readonly notes: readonly Note[];
}

export const BACKUP_FIELDS: ReadonlySet<string> = new Set(
  Object.keys((DEFINITIONS.BackupSpec as { readonly properties: object }).properties),
);

interface VeleroSchedule {
  readonly schedule?: string;
  readonly paused?: boolean;
  readonly template?: Readonly<Record<string, unknown>>;
}

/** One Schedule with its template taken over. */
interface Read {
  readonly at: Located;
  readonly name: string;
  readonly spec: VeleroSchedule;
  readonly template: Record<string, unknown>;
  readonly ttl: string | undefined;
  readonly notes: readonly Note[];
}

/** Schedules that back up the same become one policy with a line for each. */
export function convertSchedules(found: readonly Located[], namespace: string): ConvertedSchedules {
  const groups = Map.groupBy(found.map(readSchedule), ({ template }) => canonicalJson(template));
  const policies: KubeObject[] = [];
  const places = new Map<string, { policy: string; schedule: string }>();
  const notes: Note[] = [];
  const taken = new Set<string>();
  for (const group of groups.values()) {
    const policy = unique(policyName(group.map(({ name }) => name)), taken);
    const names = new Set<string>(["manual"]);
    const schedules = group.map((each) => {
      const rest = group.length === 1 ? "" : withoutShared(each.name, policy);
      const line = scheduleLine(each, unique(scheduleName(rest, each.spec.schedule ?? ""), names));
      places.set(each.name, { policy, schedule: line.name });
      return line;
    });
    notes.push(...group.flatMap((each) => [...each.notes, ...ttlNotes(each)]));
    const [first] = group;
    const labels = first === undefined ? {} : ownLabels(first.at.object);
    policies.push({
      apiVersion: API_VERSION,
      kind: "BackupPolicy",
      metadata: { name: policy, namespace, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
      spec: { schedules, ...(Object.keys(first?.template ?? {}).length === 0 ? {} : { template: first?.template }) },
    });
  }
  return { policies, places, notes };
}

function readSchedule(at: Located): Read {
  const spec = (at.object.spec ?? {}) as VeleroSchedule;
  const { schedule: _cron, paused: _paused, template: _template, ...others } = spec as Record<string, unknown>;
  const { ttl, ...template } = spec.template ?? {};
  const own = takeOver(at, ["spec"], others, new Set());
  const taken = takeOver(at, ["spec", "template"], template, BACKUP_FIELDS);
  return {
    at,
    name: at.object.metadata.name,
    spec,
    template: taken.spec,
    ttl: typeof ttl === "string" ? ttl : undefined,
    notes: [...own.notes, ...taken.notes],
  };
}

/** Velero takes a zero for its default; Holdfast for ever, which is what most who wrote it meant. */
function ttlNotes({ at, ttl }: Read): Note[] {
  if (ttl === undefined || parseDuration(ttl) !== 0) return [];
  const message = `ttl ${ttl} keeps for ever here; Velero takes it for its server's default, 720h unless told`;
  return [noteOn(at, "changed", ["spec", "template", "ttl"], message)];
}

function scheduleLine({ spec, ttl }: Read, name: string): { readonly name: string } & Record<string, unknown> {
  const [, zone, line = ""] = /^\s*(?:(?:CRON_)?TZ=(\S+)\s+)?(.*?)\s*$/.exec(spec.schedule ?? "") ?? [];
  return {
    name,
    cron: line,
    ...(zone === undefined ? {} : { timeZone: zone }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(spec.paused === true ? { suspend: true } : {}),
  };
}

/** What the names share at the front or at the end, in whole words; `backups` where that is nothing. */
function policyName(names: readonly string[]): string {
  const words = names.map((name) => name.split(/[-.]/));
  const [first = []] = words;
  if (names.length === 1) return asPolicyName(first);
  const front = first.filter((_word, index) => words.every((each) => same(each, first, index + 1)));
  if (front.length > 0) return asPolicyName(front);
  const backward = words.map((each) => each.toReversed());
  const [last = []] = backward;
  const end = last.filter((_word, index) => backward.every((each) => same(each, last, index + 1)));
  return end.length > 0 ? asPolicyName(end.toReversed()) : "backups";
}

function same(a: readonly string[], b: readonly string[], count: number): boolean {
  return a.length >= count && a.slice(0, count).join("-") === b.slice(0, count).join("-");
}

/** A policy's name has no dot: it separates the namespace in backups' names. */
function asPolicyName(words: readonly string[]): string {
  return words
    .join("-")
    .slice(0, 160)
    .replace(/^-+|-+$/g, "");
}

function withoutShared(name: string, policy: string): string {
  const plain = name.replaceAll(".", "-");
  if (plain.startsWith(`${policy}-`)) return plain.slice(policy.length + 1);
  return plain.endsWith(`-${policy}`) ? plain.slice(0, -policy.length - 1) : plain;
}

const BY_CRON: readonly (readonly [RegExp, string])[] = [
  [/^@hourly$|^@every 1h(?:0m)?(?:0s)?$|^\S+ \*(?:\/1)? \* \* \*$/, "hourly"],
  [/^@(?:daily|midnight)$|^@every 24h|^\S+ \S+ \* \* \*$/, "daily"],
  [/^@weekly$|^\S+ \S+ \* \* \S+$/, "weekly"],
  [/^@monthly$|^\S+ \S+ \S+ \* \*$/, "monthly"],
  [/^@(?:yearly|annually)$|^\S+ \S+ \S+ \S+ \*$/, "yearly"],
];

/** A schedule's name has lower-case letters and digits only, 20 at most. */
function scheduleName(rest: string, cron: string): string {
  const plain = rest
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .slice(0, 20);
  if (plain !== "") return plain;
  const line = cron.trim().replace(/^(?:CRON_)?TZ=\S+\s+/, "");
  return BY_CRON.find(([pattern]) => pattern.test(line))?.[1] ?? "scheduled";
}

function unique(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count++) name = `${wanted.slice(0, 18)}${count}`;
  taken.add(name);
  return name;
}
