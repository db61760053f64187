/** A backup tells the truth when its servers fail: complete, PartiallyFailed or Failed, and never a marker on less. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isCoded } from "../../src/errors.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { S3Store } from "../../src/storage/s3-store.ts";
import { verifyBackup } from "../../src/storage/verify-backup.ts";
import { type Fault, faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy, startProxy } from "../support/proxy.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useS3 } from "../support/use-s3.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { backupRequest, keysOf, makeBackup } from "./backup-requests.ts";

// Its own: kinds that other files make and remove would be warnings of these backups.
const cluster = usePrivateCluster();
const client = useKubeClients();
const CONFIG_MAPS = 120;
let namespace: string;

beforeAll(async () => {
  namespace = await cluster.createNamespace();
  const names = Array.from({ length: CONFIG_MAPS }, (_, index) => `c-${String(index).padStart(3, "0")}`);
  for (const name of names) {
    await cluster.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace },
      data: { noise: randomBytes(6_000).toString("base64") },
    });
  }
});

const status = (code: number, reason: string, metadata: object = {}): Fault => ({
  type: "answer",
  status: code,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    apiVersion: "v1",
    kind: "Status",
    status: "Failure",
    code,
    reason,
    message: `${reason} on purpose`,
    metadata,
  }),
});

/** A kind that lives for one test. */
function widgets(group: string): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  };
}

describe("an API server that fails", () => {
  let proxy: ClusterProxy;
  let kube: KubeClient;
  const store = new MemoryStore();
  beforeAll(async () => {
    proxy = await startClusterProxy(cluster);
    kube = await client(proxy.kubeconfigPath);
  });
  afterEach(() => proxy.setFaults());
  afterAll(() => proxy.stop());

  const spec = () => ({ includedNamespaces: [namespace] });
  const lists = (resource: string, call: IncomingCall): boolean =>
    call.url.includes(`/namespaces/${namespace}/${resource}?`);

  async function make() {
    const made = await makeBackup({ kube, store, limits: { pageSize: 25 } }, backupRequest(spec()));
    return {
      ...made,
      configMaps: (await made.objects().catch(() => [])).filter((object) =>
        object.startsWith(`configmaps ${namespace}/c-`),
      ),
    };
  }

  it("by forgetting its snapshot in the middle of a LIST: nothing twice, nothing lost", async () => {
    proxy.setFaults(
      faultOnce((call) => lists("configmaps", call) && call.url.includes("continue="), status(410, "Expired")),
    );

    const { outcome, configMaps } = await make();

    expect(outcome.phase).toBe("Completed");
    expect(outcome.results.warnings.namespaces?.[namespace]).toEqual([
      expect.stringContaining("outlived its snapshot"),
    ]);
    expect([configMaps.length, new Set(configMaps).size]).toEqual([CONFIG_MAPS, CONFIG_MAPS]);
  });

  it("for a moment, with 429, 500 and a reset: the backup is whole", async () => {
    const faults: Fault[] = [
      { ...status(429, "TooManyRequests"), headers: { "retry-after": "1" } } as Fault,
      status(500, "InternalError"),
      { type: "reset" },
      { type: "resetAnswer", afterBytes: 9_000 },
    ];
    proxy.setFaults((call) => (lists("configmaps", call) ? faults.shift() : undefined));

    const { outcome, configMaps } = await make();

    expect([outcome.phase, outcome.warnings, configMaps.length, faults.length]).toEqual([
      "Completed",
      0,
      CONFIG_MAPS,
      0,
    ]);
  });

  it("by a storm of 429 to everybody: the backup waits as it is told, and is whole", async () => {
    const storm = 6;
    proxy.setFaults(
      faultOnce(() => true, { ...status(429, "TooManyRequests"), headers: { "retry-after": "1" } } as Fault, storm),
    );
    const before = proxy.calls.length;

    const { outcome, configMaps } = await make();

    const calls = proxy.calls.slice(before);
    expect([outcome.phase, outcome.warnings, configMaps.length]).toEqual(["Completed", 0, CONFIG_MAPS]);
    expect(calls.filter((call) => call.status === 429)).toHaveLength(storm);
  });

  it("by dying in the middle of a LIST, really, and coming back: the backup is whole", async () => {
    const patient = await client(proxy.kubeconfigPath);
    let died = 0;
    proxy.setFaults(async (call) => {
      if (died > 0 || !lists("configmaps", call) || !call.url.includes("continue=")) return undefined;
      died += 1;
      await cluster.controlPlane.killApiServer();
      await cluster.controlPlane.startApiServer();
      return { type: "reset" };
    });

    const made = await makeBackup({ kube: patient, store, limits: { pageSize: 25 } }, backupRequest(spec()));

    const configMaps = (await made.objects()).filter((object) => object.startsWith(`configmaps ${namespace}/c-`));
    expect([died, made.outcome.phase, made.outcome.errors]).toEqual([1, "Completed", 0]);
    expect([configMaps.length, new Set(configMaps).size]).toEqual([CONFIG_MAPS, CONFIG_MAPS]);
    expect((await verifyBackup(store, made.name, { readData: true })).problems).toEqual([]);
  });

  describe("in the time that a LIST may take", () => {
    const makeHastily = async (retryForMs: number) => {
      const hasty = await client(proxy.kubeconfigPath, { limits: { listTimeoutMs: 2_000, retryForMs } });
      return await makeBackup({ kube: hasty, store, limits: { pageSize: 25 } }, backupRequest(spec()));
    };

    it("by not answering twice: the backup is whole", async () => {
      proxy.setFaults(faultOnce((call) => lists("configmaps", call), { type: "hang" }, 2));

      const made = await makeHastily(60_000);

      expect([made.outcome.phase, made.outcome.warnings]).toEqual(["Completed", 0]);
      const configMaps = (await made.objects()).filter((object) => object.startsWith(`configmaps ${namespace}/c-`));
      expect([configMaps.length, new Set(configMaps).size]).toEqual([CONFIG_MAPS, CONFIG_MAPS]);
    });

    it("by never answering for one kind: PartiallyFailed, with the reason", async () => {
      proxy.setFaults((call) => (lists("secrets", call) ? { type: "hang" } : undefined));

      const made = await makeHastily(5_000);

      expect([made.outcome.phase, made.outcome.errors]).toEqual(["PartiallyFailed", 1]);
      expect(made.outcome.results.errors.namespaces?.[namespace]).toEqual([
        expect.stringMatching(/resource: \/secrets .*could not list.*no answer within 2000 ms/),
      ]);
    });
  });

  it("by pages with an object over 1 MiB: it is whole, byte for byte", async () => {
    const large = await cluster.createNamespace();
    const noise = (bytes: number): string => randomBytes(bytes).toString("base64");
    for (const name of ["small", "huge", "tiny"]) {
      const isHuge = name === "huge";
      const metadata = { name, namespace: large, annotations: { noise: noise(isHuge ? 150_000 : 10) } };
      await cluster.create({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata,
        data: { noise: noise(isHuge ? 750_000 : 10) },
      });
    }

    const made = await makeBackup({ kube, store }, backupRequest({ includedNamespaces: [large] }));

    const reader = await openBackup(store, made.name);
    const row = await reader.row("configmaps", { namespace: large, name: "huge" });
    const stored = row === undefined ? undefined : await reader.read(row);
    const live = await kube.getBytes(
      { group: "", version: "v1", resource: "configmaps" },
      { namespace: large, name: "huge" },
    );
    expect(made.outcome.phase).toBe("Completed");
    expect(stored?.length).toBeGreaterThan(1024 * 1024);
    expect(JSON.parse(String(stored))).toEqual(JSON.parse(Buffer.from(live ?? []).toString()));
    expect((await verifyBackup(store, made.name, { readData: true })).problems).toEqual([]);
    await reader.close();
  });

  it("at one kind for good: PartiallyFailed, naming it, with all the others", async () => {
    proxy.setFaults((call) => (lists("secrets", call) ? status(403, "Forbidden") : undefined));

    const { outcome, configMaps } = await make();

    expect([outcome.phase, outcome.errors, configMaps.length]).toEqual(["PartiallyFailed", 1, CONFIG_MAPS]);
    expect(outcome.results.errors.namespaces?.[namespace]).toEqual([
      expect.stringMatching(/resource: \/secrets .*could not list/),
    ]);
  });

  it("because a kind is gone: a warning", async () => {
    proxy.setFaults((call) =>
      lists("secrets", call) ? { type: "answer", status: 404, body: "404 page not found" } : undefined,
    );

    const { outcome } = await make();

    expect([outcome.phase, outcome.warnings]).toEqual(["Completed", 1]);
    expect(outcome.results.warnings.namespaces?.[namespace]).toEqual([
      expect.stringContaining("was removed from the cluster"),
    ]);
  });

  it.each([
    ["before its first page", "limit=", 0],
    ["between two of its pages", "continue=", 25],
  ])("because a kind really vanishes %s: a warning that names it, and the rest is whole", async (_when, at, listed) => {
    const group = `${uniqueName("g")}.example.com`;
    const crd = `widgets.${group}`;
    await cluster.apply(widgets(group));
    for (let index = 0; index < 60; index++) {
      const metadata = { name: `w-${index}`, namespace };
      await cluster.create({ apiVersion: `${group}/v1`, kind: "Widget", metadata });
    }
    let removal: Promise<void> | undefined;
    proxy.setFaults(async ({ url }) => {
      if (!url.includes(`/${group}/`) || !url.includes("/widgets?") || !url.includes(at)) return undefined;
      removal ??= cluster.delete("CustomResourceDefinition", undefined, crd);
      await removal;
      return undefined;
    });

    const made = await make();

    const objects = await made.objects();
    expect([made.outcome.phase, made.outcome.warnings, made.configMaps.length]).toEqual(["Completed", 1, CONFIG_MAPS]);
    expect(made.outcome.results.warnings.namespaces?.[namespace]).toEqual([
      expect.stringMatching(new RegExp(`${crd}.*was removed from the cluster`)),
    ]);
    expect(objects.filter((object) => object.startsWith(`${crd} `))).toHaveLength(listed);
    expect((await verifyBackup(store, made.name, { readData: true })).problems).toEqual([]);
  });

  it("behind an aggregated API whose own server is dead: a warning that names it, and the rest is whole", async () => {
    const group = `${uniqueName("dead")}.example.com`;
    const version = { group, version: "v1", groupPriorityMinimum: 100, versionPriority: 100 };
    const service = { namespace: "default", name: "absent" };
    await cluster.create({
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `v1.${group}` },
      spec: { ...version, service, insecureSkipTLSVerify: true },
    });
    await expect.poll(async () => (await kube.discovery({ refresh: true })).failures.length).toBeGreaterThan(0);

    const { outcome, configMaps } = await make();
    await cluster.delete("APIService", undefined, `v1.${group}`);

    expect([outcome.phase, outcome.errors, configMaps.length]).toEqual(["Completed", 0, CONFIG_MAPS]);
    expect(outcome.results.warnings.velero).toEqual([
      expect.stringMatching(new RegExp(`${group}/v1: .*its objects are not in this backup`)),
    ]);
  });

  it("before anything is listed: Failed, and nothing in the bucket", async () => {
    proxy.setFaults((call) => (call.url.startsWith("/api/v1/namespaces") ? status(403, "Forbidden") : undefined));

    const { name, outcome } = await make();

    expect([outcome.phase, outcome.failureReason]).toEqual(["Failed", expect.stringContaining("namespaces")]);
    expect(await keysOf(store, `backups/${name}/`)).toEqual([]);
  });
});

describe("a store that fails", () => {
  const s3 = useS3();
  let kube: KubeClient;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let bucket: string;
  let store: S3Store;
  beforeAll(async () => {
    kube = await client(cluster.kubeconfigPath);
  });
  beforeEach(async () => {
    bucket = await s3.createBucket();
    proxy = await startProxy(s3.connection.endpoint);
    const { accessKeyId, secretAccessKey } = s3.connection;
    store = new S3Store({ bucket, endpoint: proxy.url, credentials: { accessKeyId, secretAccessKey } });
  });
  afterEach(async () => {
    await store.close();
    await proxy.stop();
  });

  const make = async () => await makeBackup({ kube, store }, backupRequest({ includedNamespaces: [namespace] }));
  const denied: Fault = {
    type: "answer",
    status: 403,
    body: "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
  };
  const puts = (name: string) => (call: IncomingCall) => call.method === "PUT" && call.url.includes(name);

  it("now and then, with SlowDown and an answer that is lost: the backup verifies", async () => {
    const faults: Fault[] = [
      { type: "answer", status: 503, body: "<Error><Code>SlowDown</Code><Message>slow</Message></Error>" },
      { type: "dropAnswer" },
      { type: "dropAnswer" },
    ];
    proxy.setFaults((call) => (call.method === "PUT" ? faults.shift() : undefined));

    const made = await make();

    expect([made.outcome.phase, faults.length]).toEqual(["Completed", 0]);
    expect((await verifyBackup(store, made.name, { readData: true })).problems).toEqual([]);
  });

  const skewed: Fault = {
    type: "answer",
    status: 403,
    body: "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>",
  };

  it("because the clocks differ for good: Failed, says so, and nothing is left behind", async () => {
    proxy.setFaults((call) => (puts("tar.gz")(call) ? skewed : undefined));

    const { name, outcome } = await make();

    expect([outcome.phase, outcome.failureReason]).toEqual([
      "Failed",
      expect.stringContaining("the clocks of this machine"),
    ]);
    proxy.setFaults();
    expect(await keysOf(store, `backups/${name}/`)).toEqual([]);
    expect((await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
  });

  it.each(["tar.gz", "-results.gz", "holdfast-index", "holdfast.json", "velero-backup.json"])(
    "at %s for good: Failed, no marker, nothing left behind",
    async (file) => {
      proxy.setFaults((call) => (puts(file)(call) ? denied : undefined));

      const made = await make();

      expect([made.outcome.phase, made.outcome.failureReason]).toEqual(["Failed", expect.any(String)]);
      await expect(openBackup(store, made.name)).rejects.toSatisfy((error) => isCoded(error, "BackupNotFound"));
      expect(await keysOf(store)).toEqual([]);
      expect((await s3.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
    },
  );
});

describe("a name that is taken", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-claims-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("fails the second backup, names the owner, and leaves the first alone", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const servers = { kube, store: new FsStore(folder) };
    const spec = { includedNamespaces: [namespace], includedResources: ["sa"] };

    const first = await makeBackup(servers, backupRequest(spec, { name: "shared", cluster: "alpha" }));
    const second = await makeBackup(servers, backupRequest(spec, { name: "shared", cluster: "beta" }));

    expect(first.outcome.phase).toBe("Completed");
    expect([second.outcome.phase, second.outcome.failureReason]).toEqual([
      "Failed",
      expect.stringMatching(/taken by .*cluster alpha/),
    ]);
    expect((await verifyBackup(servers.store, "shared", { readData: true })).problems).toEqual([]);
  });

  it("goes to one of two that begin at the same moment", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const servers = { kube, store: new FsStore(folder) };
    const spec = { includedNamespaces: [namespace], includedResources: ["sa"] };

    const both = await Promise.all(
      ["alpha", "beta"].map((name) => makeBackup(servers, backupRequest(spec, { name: "raced", cluster: name }))),
    );

    expect(both.map((made) => made.outcome.phase).sort()).toEqual(["Completed", "Failed"]);
    expect((await verifyBackup(servers.store, "raced", { readData: true })).problems).toEqual([]);
  });
});
