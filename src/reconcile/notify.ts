import { type Clock, rfc3339 } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Sample } from "../report/metrics-table.ts";
import {
  NOTIFICATION_FORMATS,
  type NotificationFormat,
  notificationBody,
  notificationHeaders,
  notificationOf,
} from "../report/notification.ts";
import type { Occurrence } from "../report/occurrences.ts";
import { backoffMs } from "./queue.ts";

/** Posts what happened to webhooks. Best effort: an alert is what must not be missed, a notification is sooner. */
export interface Notifier {
  /** Returns at once. */
  tell(occurrence: Occurrence): void;
  samples(): Sample[];
  /** Gives what waits `CLOSE_MS` to be sent, and takes no more. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  /** Names of Secrets in Holdfast's namespace, one per receiver. */
  readonly secrets: readonly string[];
  readonly readSecret: (name: string) => Promise<Readonly<Record<string, string>>>;
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One receiver, as its Secret says at this moment. */
interface Receiver {
  readonly url: URL;
  /** Key of the HMAC. */
  readonly key: string | undefined;
  readonly format: NotificationFormat;
  readonly isForAll: boolean;
}

const MOST_WAITING = 100;
const TRIES = 4;
const BACKOFF = { firstMs: 1000, longestMs: 30_000 };
const TIMEOUT_MS = 10_000;
const CLOSE_MS = 5000;
/** The same about the same object is told again only after this. */
const REPEAT_MS = 10 * 60_000;

/** A queue per receiver, so that one that is down keeps no other from hearing. */
export function createNotifier(options: NotifierOptions): Notifier {
  const counts = { sent: 0, failed: 0, dropped: 0 };
  const abort = new AbortController();
  const queues = options.secrets.map((secret) =>
    createReceiverQueue(options, { secret, signal: abort.signal, count: (outcome) => void counts[outcome]++ }),
  );
  const told = new Map<string, number>();

  function isRepeated({ object, reason, message }: Occurrence): boolean {
    const nowMs = options.clock.monotonic();
    for (const [key, at] of told) if (nowMs - at >= REPEAT_MS) told.delete(key);
    const key = `${object.kind} ${object.metadata.uid} ${reason} ${message}`;
    const isKnown = told.has(key);
    if (!isKnown) told.set(key, nowMs);
    return isKnown;
  }

  return {
    tell: (occurrence) => {
      if (abort.signal.aborted || queues.length === 0 || isRepeated(occurrence)) return;
      for (const queue of queues) queue.add(occurrence);
    },
    samples: () =>
      Object.entries(counts).map(([outcome, value]) => ({
        name: "holdfast_notification_total",
        labels: { outcome },
        value,
      })),
    close: async () => {
      const grace = new AbortController();
      const sent = Promise.all(queues.map((queue) => queue.idle()));
      await Promise.race([sent, options.clock.sleep(CLOSE_MS, grace.signal).catch(() => {})]);
      grace.abort();
      abort.abort(new CodedError("Cancelled", { what: "notifications" }, "Holdfast ends"));
      await sent;
    },
  };
}

interface QueueContext {
  readonly secret: string;
  readonly signal: AbortSignal;
  readonly count: (outcome: "sent" | "failed" | "dropped") => void;
}

function createReceiverQueue(
  options: NotifierOptions,
  context: QueueContext,
): { add(occurrence: Occurrence): void; idle(): Promise<void> } {
  const waiting: { readonly occurrence: Occurrence; readonly time: string }[] = [];
  let work: Promise<void> | undefined;

  async function drain(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await deliver(options, context, next.occurrence, next.time);
    }
    work = undefined;
  }

  return {
    add: (occurrence) => {
      if (waiting.length >= MOST_WAITING) {
        waiting.shift();
        context.count("dropped");
      }
      waiting.push({ occurrence, time: rfc3339(options.clock.now()) });
      work ??= Promise.resolve().then(drain);
    },
    idle: async () => await work,
  };
}

/** Tries a few times; never throws. Neither the address nor the key is logged: a webhook's address is a password. */
async function deliver(
  { readSecret, cluster, clock, log }: NotifierOptions,
  { secret, signal, count }: QueueContext,
  occurrence: Occurrence,
  time: string,
): Promise<void> {
  const notification = notificationOf(occurrence, cluster, time);
  const { reason } = occurrence;
  for (let attempt = 1; ; attempt++) {
    let failure: Failure;
    try {
      const receiver = receiverOf(secret, await readSecret(secret));
      if (!receiver.isForAll && occurrence.type === "Normal") return;
      const body = notificationBody(notification, receiver.format);
      const headers = notificationHeaders(notification.id, body, receiver.key);
      const refused = await post(receiver.url, { body, headers, signal });
      if (refused === undefined) return count("sent");
      failure = refused;
    } catch (error) {
      failure = { why: messageOf(error), isFinal: signal.aborted };
    }
    if (failure.isFinal || attempt >= TRIES) {
      count("failed");
      return log.warn({ secret, reason, attempt, error: failure.why }, "notification was not sent");
    }
    await clock.sleep(backoffMs(attempt, BACKOFF, Math.random()), signal).catch(() => {});
  }
}

interface Failure {
  readonly why: string;
  /** Trying again can't help. */
  readonly isFinal: boolean;
}

/** Undefined when the receiver took it. */
async function post(
  url: URL,
  request: { readonly body: string; readonly headers: Record<string, string>; readonly signal: AbortSignal },
): Promise<Failure | undefined> {
  const { body, headers } = request;
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  let status: number;
  try {
    const response = await fetch(url, { method: "POST", body, headers, signal, redirect: "error" });
    status = response.status;
    await response.body?.cancel();
  } catch (error) {
    // what fetch throws names the address
    const why = signal.aborted ? "no answer in time" : causeCode(error);
    return { why, isFinal: request.signal.aborted };
  }
  if (status >= 200 && status < 300) return undefined;
  return { why: `the receiver answers ${status}`, isFinal: status < 500 && status !== 408 && status !== 429 };
}

function causeCode(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as { readonly code?: string } | undefined) : undefined;
  return cause?.code === undefined ? "the receiver can't be reached" : `the receiver can't be reached: ${cause.code}`;
}

function receiverOf(secret: string, data: Readonly<Record<string, string>>): Receiver {
  const url = URL.parse(data.url?.trim() ?? "");
  if (url === null || !/^https?:$/.test(url.protocol)) throw invalid(secret, "url", "is no http(s) address");
  const format = NOTIFICATION_FORMATS.find((each) => each === (data.format?.trim() ?? "json"));
  if (format === undefined) throw invalid(secret, "format", `is neither ${NOTIFICATION_FORMATS.join(" nor ")}`);
  const on = data.on?.trim() ?? "failures";
  if (on !== "failures" && on !== "all") throw invalid(secret, "on", "is neither failures nor all");
  const key = data.key?.replace(/\r?\n$/, "");
  return { url, key: key === "" ? undefined : key, format, isForAll: on === "all" };
}

function invalid(secret: string, field: string, what: string): CodedError {
  return new CodedError("InvalidSpec", { fields: [field] }, `"${field}" of Secret ${secret} ${what}`);
}
