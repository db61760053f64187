/** What a backup says while it runs: its log file, and the warnings and errors of its results, in Velero's shapes. */
import type { Clock } from "../clock.ts";
import { rfc3339 } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { encodeLogs } from "../storage/velero-files.ts";
import type { BackupResults, ResultGroups } from "./types.ts";

/** What a line is about. With `namespace` ("" for cluster-scoped) it is filed there, without it under the run itself. */
export interface JournalSubject {
  readonly namespace?: string;
  readonly resource?: string;
  readonly name?: string;
  /** What was thrown. */
  readonly error?: unknown;
}

export interface Journal {
  info(message: string, subject?: JournalSubject): void;
  warn(message: string, subject?: JournalSubject): void;
  /** One error makes the backup PartiallyFailed. */
  error(message: string, subject?: JournalSubject): void;
  readonly warnings: number;
  readonly errors: number;
  results(): BackupResults;
  /** `<name>-logs.gz` with every line up to now. */
  logFile(): Promise<Buffer>;
}

/** Lines kept beyond warnings and errors; a backup logs resources, not objects, so that it never comes near. */
const MAX_INFO_LINES = 100_000;

/** A journal whose lines carry the backup's name. */
export function createJournal(clock: Clock, backup: string): Journal {
  const lines: string[] = [];
  const warnings = createGroups();
  const errors = createGroups();

  function write(level: "info" | "warning" | "error", message: string, subject: JournalSubject): void {
    if (level === "info" && lines.length >= MAX_INFO_LINES) return;
    const fields = { time: rfc3339(clock.now()), level, msg: message, backup, ...fieldsOf(subject) };
    lines.push(
      Object.entries(fields)
        .map(([name, value]) => `${name}=${quoted(name, value)}`)
        .join(" "),
    );
  }

  return {
    info: (message, subject = {}) => write("info", message, subject),
    warn: (message, subject = {}) => {
      write("warning", message, subject);
      warnings.add(message, subject);
    },
    error: (message, subject = {}) => {
      write("error", message, subject);
      errors.add(message, subject);
    },
    get warnings() {
      return warnings.count();
    },
    get errors() {
      return errors.count();
    },
    results: () => ({ warnings: warnings.groups(), errors: errors.groups() }),
    logFile: () => encodeLogs(lines),
  };
}

interface Groups {
  add(message: string, subject: JournalSubject): void;
  count(): number;
  groups(): ResultGroups;
}

function createGroups(): Groups {
  const velero: string[] = [];
  const cluster: string[] = [];
  const namespaces = new Map<string, string[]>();
  let count = 0;
  return {
    add(message, subject) {
      count += 1;
      const text = resultText(message, subject);
      if (subject.namespace === undefined) velero.push(text);
      else if (subject.namespace === "") cluster.push(text);
      else {
        const known = namespaces.get(subject.namespace);
        if (known === undefined) namespaces.set(subject.namespace, [text]);
        else known.push(text);
      }
    },
    count: () => count,
    groups: () => ({
      ...(velero.length > 0 ? { velero } : {}),
      ...(cluster.length > 0 ? { cluster } : {}),
      ...(namespaces.size > 0
        ? { namespaces: Object.fromEntries([...namespaces].sort(([a], [b]) => (a < b ? -1 : 1))) }
        : {}),
    }),
  };
}

/** As Velero's log hook joins the parts of a line. */
function resultText(message: string, subject: JournalSubject): string {
  const { resource, name, error } = fieldsOf(subject);
  const parts = [
    resource === undefined ? "" : ` resource: /${resource}`,
    name === undefined ? "" : ` name: /${name}`,
    ` message: /${message}`,
    error === undefined ? "" : ` error: /${error}`,
  ];
  return parts.join("");
}

function fieldsOf({ namespace, resource, name, error }: JournalSubject): Record<string, string | undefined> {
  return {
    ...(resource === undefined ? {} : { resource }),
    ...(namespace === undefined || namespace === "" ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(error === undefined ? {} : { error: messageOf(error) }),
  };
}

function quoted(name: string, value: string | undefined): string {
  const text = value ?? "";
  return name !== "time" && name !== "msg" && /^[\w./:-]+$/.test(text) ? text : JSON.stringify(text);
}
