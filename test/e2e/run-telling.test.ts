import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { getText, seriesOf, startServing, untilCounting } from "./serving-fixture.ts";

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
    const first = await startServing(holdfast, ["--notify", "ops"]);
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
    const healthy = await getText(`${first.url}/healthz`);
    await untilCounting(first);
    const before = await seriesOf(first);
    first.running.process.kill("SIGTERM");
    const ended = await first.running.ended;
    const told = await reasons();

    const second = await startServing(holdfast);
    await untilCounting(second);
    const after = await seriesOf(second);
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
