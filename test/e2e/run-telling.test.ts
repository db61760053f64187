import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, QUICK_LEASE, type Running, restoreYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

let receiver: Server;
let received: { readonly signature: string; readonly body: string }[] = [];

beforeEach(async () => {
  received = [];
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString("utf8");
    });
    request.on("end", () => {
      received.push({ signature: String(request.headers["x-signature"]), body });
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

interface Daemon {
  readonly running: Running;
  readonly url: string;
  log(): string;
}

/** Starts the daemon and waits until its health address answers. */
async function start(args: readonly string[] = []): Promise<Daemon> {
  const running = holdfast.start([
    ...["run", "--repo", holdfast.repository.path, "--interval", "1s", "--health-address", "127.0.0.1:0"],
    ...[...QUICK_LEASE, ...args],
  ]);
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  const urlOf = (): string | undefined => /"health":"([^"]+)"/.exec(log)?.[1];
  await waitUntil(async () => urlOf() !== undefined, { what: "it listens", timeoutMs: 60_000, intervalMs: 50 });
  return { running, url: urlOf() ?? "", log: () => log };
}

async function get(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

async function untilReady({ url }: Daemon): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const { status } = await get(`${url}/readyz`);
    const { text } = await get(`${url}/metrics`);
    return status === 200 && /^holdfast_leader 1$/m.test(text);
  };
  await waitUntil(isReady, { what: "it leads and is ready", timeoutMs: 60_000, intervalMs: 20 });
}

/** Series of backups, restores, schedules and locations: what the cluster holds, not what a process did. */
async function series({ url }: Daemon): Promise<string[]> {
  const { text } = await get(`${url}/metrics`);
  const lines = text.split("\n").filter((line) => /^holdfast_(?:backup|restore|schedule)_/.test(line));
  return lines.sort(); // objects are listed in another order than they were made in
}

/** What Events say of the scheduled backup and of the restore; the restore's own safety backup has its own. */
async function reasons(): Promise<string[]> {
  const all = await cluster.list("Event", holdfast.namespace);
  const events = all.filter((event) => !isSafety((event.involvedObject as { name: string }).name));
  return events
    .map((event) => `${(event.involvedObject as { kind: string }).kind} ${event.reason} ${event.count}`)
    .sort();
}

function isSafety(name: string): boolean {
  return !/^(?:shop-hourly-\d{14}|back)$/.test(name);
}

describe("holdfast run tells", () => {
  it("by metrics that are whole right after a restart, by Events, and by a webhook with an HMAC", async () => {
    const shop = await cluster.createNamespace();
    const { namespace, bucket } = holdfast;
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
    const { port } = receiver.address() as AddressInfo;
    const stringData = { url: `http://127.0.0.1:${port}/hooks/T0KEN`, key: "s3cret", on: "all" };
    await cluster.create({ apiVersion: "v1", kind: "Secret", metadata: { name: "ops", namespace }, stringData });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    const first = await start(["--notify", "ops"]);
    await cluster.waitFor("BackupPolicy", namespace, "shop", ({ status }) =>
      JSON.stringify(status ?? {}).includes('"lastPhase":"Completed"'),
    );
    const [backup] = await cluster.list("Backup", namespace);
    await holdfast.commit({ "back.yaml": restoreYaml(namespace, "back", backup?.metadata.name ?? "") });
    await cluster.waitFor("RestorePlan", namespace, "back", ({ status }) => {
      return (status as { phase?: string } | undefined)?.phase === "Completed";
    });
    await waitUntil(async () => received.some(({ body }) => body.includes("RestoreCompleted")), {
      what: "it was told",
      timeoutMs: 30_000,
      intervalMs: 50,
    });
    const healthy = await get(`${first.url}/healthz`);
    const before = await series(first);
    first.running.process.kill("SIGTERM");
    const ended = await first.running.ended;
    const told = await reasons();

    const second = await start();
    await untilReady(second);
    const after = await series(second);
    second.running.process.kill("SIGTERM");
    await second.running.ended;

    const origin = `namespace="${namespace}",policy="shop",schedule="hourly"`;
    expect(healthy).toEqual({ status: 200, text: "ok\n" });
    expect(before).toContain(`holdfast_backup_success_total{${origin}} 1`);
    expect(before).toContain(`holdfast_restore_success_total{${origin}} 1`);
    expect(before).toContain(`holdfast_schedule_expected_interval_seconds{${origin}} 3600`);
    expect(before).toContainEqual(
      expect.stringMatching(`^holdfast_backup_last_successful_timestamp{${origin}} \\d{10}`),
    );
    expect(after).toEqual(before);
    expect(told).toEqual([
      "Backup BackupCompleted 1",
      "Backup BackupStarted 1",
      "RestorePlan RestoreCompleted 1",
      "RestorePlan RestoreStarted 1",
    ]);
    expect(await reasons()).toEqual(told);
    const notified = received.map(({ body }) => JSON.parse(body) as { reason: string; object: { name: string } });
    expect(notified.filter(({ object }) => !isSafety(object.name)).map(({ reason }) => reason)).toEqual([
      "BackupStarted",
      "BackupCompleted",
      "RestoreStarted",
      "RestoreCompleted",
    ]);
    for (const { body, signature } of received)
      expect(signature).toBe(`sha256=${createHmac("sha256", "s3cret").update(body).digest("hex")}`);
    expect(ended.code).toBe(0);
    expect(first.log()).not.toMatch(/T0KEN|s3cret/);
  });
});
