/** What Velero's tools expect to find of a restore in the bucket (velero-facts §1.3). */
import { rfc3339 } from "../clock.ts";
import { isCoded, messageOf } from "../errors.ts";
import { restoreKeys } from "../storage/layout.ts";
import { encodeGzipJson, encodeLogs, encodeResourceList } from "../storage/velero-files.ts";
import type { RunTally } from "./results.ts";
import type { ObjectRecord, RestoreDeps } from "./types.ts";

/** Writes logs, results and lists under `restores/<run>/`. A store that does not let us is a warning, not a failure. */
export async function uploadRecords(
  deps: RestoreDeps,
  run: string,
  tally: RunTally,
  lines: readonly string[],
): Promise<void> {
  const { store } = deps;
  if (store === undefined) return;
  const keys = restoreKeys(run);
  const files: [string, () => Promise<Buffer>][] = [
    [keys.logs, () => encodeLogs(lines)],
    [keys.results, () => encodeGzipJson({ warnings: tally.warnings, errors: tally.errors })],
    [keys.resourceList, () => encodeResourceList(tally.resourceLists())],
    [keys.itemOperations, () => encodeGzipJson([])],
    [keys.volumeInfo, () => encodeGzipJson([])],
  ];
  try {
    // One after the other: of a large cluster each is megabytes.
    for (const [key, encode] of files) await store.put(key, await encode());
  } catch (error) {
    const denied = isCoded(error, "StoreReadOnly") || isCoded(error, "StoreAuth");
    const message = denied
      ? `the results could not be written to ${store.location}: ${messageOf(error)}`
      : messageOf(error);
    tally.addWarning(undefined, message);
    deps.log.warn({ run, error: message }, "restore results not uploaded");
  }
}

/** Most lines of a run's log that are kept. */
const LOG_LINES = 20_000;

/** What became of one object, as a line of the run's log. */
export function noteRecord({ clock, log }: RestoreDeps, lines: string[], record: ObjectRecord): void {
  const level = record.errors !== undefined ? "error" : record.warnings !== undefined ? "warning" : "info";
  const { resource, namespace, name, outcome, message } = record;
  log.debug({ resource, namespace, name, outcome, ...(message === undefined ? {} : { message }) }, "restored object");
  if (lines.length >= LOG_LINES) return;
  const place = namespace === "" ? name : `${namespace}/${name}`;
  const told = message === undefined ? "" : `: ${message}`;
  lines.push(logLine(clock.now(), level, `${outcome} ${resource} ${place}${told}`));
}

/** One line of the log, as Velero's JSON logs have it. */
export function logLine(ms: number, level: "info" | "warning" | "error", message: string): string {
  return `time="${rfc3339(ms)}" level=${level} msg=${JSON.stringify(message)}`;
}
