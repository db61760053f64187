import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson, stringifyJson } from "../api/json.ts";
import { formatKey, type ObjectKey } from "../api/object.ts";
import type { HookJournal, HookResult, ObjectRecord, RecordedKey } from "../restore/types.ts";

/**
 * The files of one run on local disk, from the first record until they are in Git. They survive a restart of the
 * process, so that a resumed run tells the whole story; losing them costs only that.
 */
export interface RestoreSpool {
  /** What earlier attempts of this run recorded. */
  recorded(resource: string, key: RecordedKey): ObjectRecord | undefined;
  append(record: ObjectRecord): Promise<void>;
  /** The hooks of the run, on disk before a command runs. */
  readonly hooks: HookJournal;
  writePlan(markdown: string): Promise<void>;
  /** Writes what is still buffered. */
  flush(): Promise<void>;
}

/** What is written at once: a record a line would be an fsync-less write a line, of a hundred thousand. */
const BUFFER_BYTES = 64 * 1024;
const PLAN_FILE = "plan.md";
const HOOKS_FILE = "hooks.jsonl";

/** Opens the spool of a run for one more attempt. */
export async function openSpool(folder: string): Promise<RestoreSpool> {
  await mkdir(folder, { recursive: true });
  const attempts = await attemptFiles(folder);
  const earlier = await readRecords(folder, attempts);
  const file = join(folder, `objects.${attempts.length}.jsonl`);
  await writeFile(file, "");
  let buffered = "";
  const flush = async (): Promise<void> => {
    const text = buffered;
    buffered = "";
    if (text !== "") await appendFile(file, text);
  };
  return {
    recorded: (resource, key) => earlier.get(recordKey(resource, key)),
    append: async (record) => {
      buffered += `${stringifyJson(record)}\n`;
      if (buffered.length >= BUFFER_BYTES) await flush();
    },
    hooks: await openHookJournal(join(folder, HOOKS_FILE)),
    writePlan: (markdown) => writeFile(join(folder, PLAN_FILE), markdown),
    flush,
  };
}

/** What a run left on this disk: its plan, and the newest record of each object, sorted. Undefined parts are not there. */
export async function readSpool(
  folder: string,
): Promise<{ readonly plan: string | undefined; readonly objects: string | undefined }> {
  const attempts = await attemptFiles(folder);
  const records = await readRecords(folder, attempts);
  const lines = [...records.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, record]) => `${stringifyJson(record)}\n`);
  const plan = await readFile(join(folder, PLAN_FILE), "utf8").catch(() => undefined);
  return { plan, objects: attempts.length === 0 ? undefined : lines.join("") };
}

/** The records of an `objects.jsonl`. */
export function recordsOf(text: string): ObjectRecord[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseJson(line) as ObjectRecord);
}

/** Removes what is in Git by now. */
export async function dropSpool(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function attemptFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const attempts = names.filter((name) => /^objects\.\d+\.jsonl$/.test(name));
  return attempts.sort((a, b) => attemptOf(a) - attemptOf(b));
}

function attemptOf(name: string): number {
  return Number(name.split(".")[1]);
}

async function readRecords(folder: string, attempts: readonly string[]): Promise<Map<string, ObjectRecord>> {
  const records = new Map<string, ObjectRecord>();
  for (const attempt of attempts) {
    for (const line of (await readFile(join(folder, attempt), "utf8")).split("\n")) {
      const record = parsedLine(line) as ObjectRecord | undefined;
      if (record !== undefined) records.set(recordKey(record.resource, record), record);
    }
  }
  return records;
}

type HookState = "begun" | HookResult;

async function openHookJournal(file: string): Promise<HookJournal> {
  const states = new Map<string, HookState>();
  for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n")) {
    const entry = parsedLine(line) as { readonly pod: string; readonly state: HookState } | undefined;
    if (entry !== undefined) states.set(entry.pod, entry.state);
  }
  const write = async (key: ObjectKey, state: HookState): Promise<void> => {
    const pod = formatKey(key);
    if (states.get(pod) === state) return;
    states.set(pod, state);
    await appendFile(file, `${stringifyJson({ pod, state })}\n`, { flush: true });
  };
  return {
    state: (key) => states.get(formatKey(key)),
    begin: async (key) => await write(key, "begun"),
    end: async (key, result) => await write(key, result),
  };
}

/** A line that a killed process left half is no record. */
function parsedLine(line: string): unknown {
  try {
    return line === "" ? undefined : parseJson(line);
  } catch {
    return undefined;
  }
}

/** Two objects that are mapped to one place have a record each. */
function recordKey(resource: string, { namespace, name, archivedAs }: RecordedKey): string {
  const place = `${resource} ${formatKey({ namespace, name })}`;
  return archivedAs === undefined || resource === "namespaces" ? place : `${place} ${archivedAs}`;
}
