/** Notifications as a receiver gets them: over real HTTP. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API_VERSION } from "../../src/api/kinds.ts";
import { systemClock } from "../../src/clock.ts";
import type { Logger } from "../../src/log.ts";
import { createNotifier, type Notifier } from "../../src/reconcile/notify.ts";
import type { Occurrence } from "../../src/report/occurrences.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";

interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let server: Server;
let url = "";
let deliveries: Delivery[] = [];
/** What the receiver answers, first come first; 200 when all are used up. `hang`: nothing at all. */
let answers: (number | "hang")[] = [];
let log: string[] = [];

const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => void log.push(`${message} ${JSON.stringify(fields)}`),
  error: () => {},
  child: () => logger,
};

beforeEach(async () => {
  [deliveries, answers, log] = [[], [], []];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    request.on("end", () => {
      deliveries.push({ headers: request.headers, body });
      const answer = answers.shift() ?? 200;
      if (answer !== "hang") response.writeHead(answer, answer === 302 ? { location: "/elsewhere" } : {}).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/T0KEN`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function notifier(secrets: Readonly<Record<string, Readonly<Record<string, string>>>>): Notifier {
  return createNotifier({
    secrets: Object.keys(secrets),
    readSecret: async (name) => secrets[name] ?? {},
    cluster: "prod",
    clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(Math.min(ms, ms > 4000 ? ms : 20), signal) },
    log: logger,
  });
}

function occurrence(type: "Normal" | "Warning", reason: string, name = "all-daily-1"): Occurrence {
  const metadata = { name, namespace: "shop", uid: `uid-${name}`, resourceVersion: "7" };
  return { object: { apiVersion: API_VERSION, kind: "Backup", metadata }, type, reason, message: "the bucket is gone" };
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  await waitUntil(async () => isTrue(), { what, timeoutMs: 30_000, intervalMs: 20 });
}

function outcomes(sender: Notifier): Record<string, number> {
  return Object.fromEntries(sender.samples().map(({ labels, value }) => [labels.outcome, value]));
}

describe("a notification", () => {
  it("comes with the HMAC of its bytes, and tells failures only", async () => {
    const sender = notifier({ ops: { url, key: "s3cret\n" } });

    sender.tell(occurrence("Normal", "BackupCompleted"));
    sender.tell(occurrence("Warning", "BackupFailed"));
    await until("it is delivered", () => deliveries.length > 0);
    await sender.close();

    const [{ headers, body } = { headers: {}, body: "" }, ...more] = deliveries;
    const expected = createHmac("sha256", "s3cret").update(body).digest("hex");
    expect(more).toEqual([]);
    expect(headers["x-signature"]).toBe(`sha256=${expected}`);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toMatchObject({
      id: headers["x-holdfast-delivery"],
      cluster: "prod",
      type: "Warning",
      reason: "BackupFailed",
      message: "the bucket is gone",
      object: { kind: "Backup", namespace: "shop", name: "all-daily-1" },
    });
    expect(log).toEqual([]);
  });

  it("goes to every receiver, in its own format, everything where that is asked for", async () => {
    const sender = notifier({ ops: { url: `${url}/a` }, chat: { url: `${url}/b`, format: "slack", on: "all" } });

    sender.tell(occurrence("Normal", "BackupCompleted"));
    await until("it is delivered", () => deliveries.length > 0);
    await sender.close();

    expect(deliveries.map(({ body }) => JSON.parse(body))).toEqual([
      { text: ":white_check_mark: *prod: BackupCompleted*\nBackup shop/all-daily-1\nthe bucket is gone" },
    ]);
    expect(deliveries[0]?.headers["x-signature"]).toBeUndefined();
    expect(outcomes(sender)).toEqual({ sent: 1, failed: 0, dropped: 0 });
  });

  it("is tried again where that can help, with the same id, and not where it can't", async () => {
    answers = [503, 429, 200, 404];
    const sender = notifier({ ops: { url } });

    sender.tell(occurrence("Warning", "BackupFailed", "a"));
    sender.tell(occurrence("Warning", "BackupFailed", "b"));
    await until("both are done with", () => deliveries.length === 4);
    await until("the last is counted", () => outcomes(sender).failed === 1);
    await sender.close();

    const ids = deliveries.map(({ headers }) => headers["x-holdfast-delivery"]);
    expect([ids[0] === ids[1], ids[1] === ids[2], ids[2] === ids[3]]).toEqual([true, true, false]);
    expect(outcomes(sender)).toEqual({ sent: 1, failed: 1, dropped: 0 });
    expect(log.join("\n")).toContain("the receiver answers 404");
  });

  it("gives up after a few tries, follows no redirect, and logs no address", async () => {
    answers = [500, 500, 500, 500, 302, 302, 302, 302];
    const sender = notifier({ ops: { url, key: "s3cret" } });

    sender.tell(occurrence("Warning", "BackupFailed", "a"));
    sender.tell(occurrence("Warning", "BackupFailed", "b"));
    await until("both are given up", () => outcomes(sender).failed === 2);
    await sender.close();

    expect(deliveries).toHaveLength(8);
    expect(log).toHaveLength(2);
    expect(log.join("\n")).not.toMatch(/T0KEN|127\.0\.0\.1|s3cret/);
  });

  it("says once what goes back and forth", async () => {
    const sender = notifier({ ops: { url } });

    for (let times = 0; times < 5; times++) sender.tell(occurrence("Warning", "LocationUnavailable"));
    await until("it is delivered", () => deliveries.length > 0);
    await sender.close();

    expect(deliveries).toHaveLength(1);
  });

  it("holds nobody up: telling returns at once, and the end waits a moment only", async () => {
    answers = Array.from({ length: 200 }, () => "hang" as const);
    const sender = notifier({ ops: { url } });

    for (let each = 0; each < 150; each++) sender.tell(occurrence("Warning", "BackupFailed", `b${each}`));
    await until("the first hangs", () => deliveries.length === 1);
    await sender.close();

    expect(outcomes(sender)).toMatchObject({ sent: 0, dropped: 50 });
  });

  it("without a proper Secret says what is wrong with it", async () => {
    const sender = notifier({ ops: { url: "ftp://example.com/T0KEN" } });

    sender.tell(occurrence("Warning", "BackupFailed"));
    await until("it is given up", () => outcomes(sender).failed === 1);
    await sender.close();

    expect(log.join("\n")).toContain('\\"url\\" of Secret ops is no http(s) address');
    expect(log.join("\n")).not.toContain("T0KEN");
  });
});
