/**
 * Two replicas, and a leader that dies or freezes in the middle of a backup or of a restore: the other one takes over
 * and ends it, and a frozen one that wakes up changes nothing any more.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { installFlux, kustomization } from "../support/flux-stand-in.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import {
  locationYaml,
  policyYaml,
  QUICK_LEASE,
  type Running,
  type RunSettings,
  restoreYaml,
  useInstallation,
} from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const KINDS = ["BackupStorageLocation", "BackupPolicy", "Backup", "RestorePlan"];

let proxy: ClusterProxy;
let shop = "";
let flux = "";
beforeAll(() => installFlux(cluster));
beforeEach(async () => {
  proxy = await startClusterProxy(cluster);
  shop = await cluster.createNamespace();
  flux = await cluster.createNamespace();
  await cluster.create(kustomization(flux, "apps", { suspend: false }));
  const labels = { "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": flux };
  for (const name of ["a", "b", "c"]) {
    const metadata = { name, namespace: shop, labels };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { name } });
    await cluster.create({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: shop } });
  }
});
afterEach(() => proxy.stop());

interface Replica {
  readonly running: Running;
  log(): string;
}

/** Each replica has a disk of its own, as two pods have. */
function start(name: string, settings: RunSettings = {}): Replica {
  const args = ["run", "--repo", holdfast.repository.path, "--interval", "1s", "--grace", "1s", ...QUICK_LEASE];
  const env = { HOLDFAST_CACHE_DIR: join(holdfast.bucket, "..", `cache-${name}`) };
  const running = holdfast.start(args, { ...settings, env });
  let log = "";
  running.process.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  return { running, log: () => log };
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(async () => await isTrue(), { what, timeoutMs: 240_000, intervalMs: 100 });
}

/** Lets what is held of the first replica get to the API server, and resolves when it has. */
type Arrive = () => Promise<void>;

/** Holds what `isHeld` says of the first replica, and resolves when it came to the first such call. */
async function holdAt(isHeld: (method: string, url: string) => boolean, what: string): Promise<Arrive> {
  const arrival = Promise.withResolvers<void>();
  const held = (): typeof proxy.calls => proxy.calls.filter(({ method, url }) => isHeld(method, url));
  proxy.setFaults(async ({ method, url }) => {
    if (isHeld(method, url)) await arrival.promise;
    return undefined;
  });
  await until(what, () => held().length > 0);
  return async () => {
    arrival.resolve();
    await until("what was held has arrived", () => held().every(({ status }) => status !== undefined));
  };
}

interface Status {
  readonly phase?: string;
  readonly run?: { readonly id: string; readonly term: number };
}

async function statusOf(kind: string, name: RegExp): Promise<Status> {
  const found = (await cluster.list(kind, holdfast.namespace)).find(({ metadata }) => name.test(metadata.name));
  return (found?.status ?? {}) as Status;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  // what a process had begun to upload is no archive, and its own to throw away
  const whole = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".holdfast-upload-"));
  const files = whole.map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.sort().map(
      async (file) =>
        `${file} ${createHash("sha256")
          .update(await readFile(file))
          .digest("hex")}`,
    ),
  );
}

/** What applies the ConfigMaps from Git: whether it stands still, and whether it is written down why. */
async function owner(): Promise<{ readonly suspend: unknown; readonly isRecorded: boolean }> {
  const { spec, metadata } = await cluster.get("Kustomization", flux, "apps");
  const isRecorded = metadata.annotations?.["holdfast.dev/paused"] !== undefined;
  return { suspend: (spec as { suspend?: boolean }).suspend, isRecorded };
}

/** Everything that a second writer could have touched: objects, their owner, archives and the record. */
async function world(): Promise<string[]> {
  const objects: KubeObject[] = [];
  for (const kind of KINDS) objects.push(...(await cluster.list(kind, holdfast.namespace)));
  for (const kind of ["ConfigMap", "Secret"]) objects.push(...(await cluster.list(kind, shop)));
  objects.push(await cluster.get("Kustomization", flux, "apps"));
  const versions = objects.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
  const head = await holdfast.repository.resolve(`refs/heads/holdfast/${holdfast.cluster}`);
  return [...versions.sort(), ...(await filesBelow(holdfast.bucket)), `record ${head}`];
}

/** The world when nothing in it has changed for three seconds. */
async function steadyWorld(): Promise<string[]> {
  let before = await world();
  let since = Date.now();
  await until("nothing changes any more", async () => {
    const now = await world();
    if (now.join("\n") !== before.join("\n")) since = Date.now();
    before = now;
    return Date.now() - since > 3000;
  });
  return before;
}

/** What the record's files below a folder say. */
async function recorded(folder: string): Promise<string> {
  const files = Object.entries(await holdfast.record()).filter(([path]) => path.startsWith(folder));
  return files.map(([, text]) => text).join("\n");
}

/** Lets a frozen leader go on, and waits until it knows that it leads no more and waits for the other one. */
async function thaw({ running, log }: Replica): Promise<void> {
  proxy.setFaults();
  running.process.kill("SIGCONT");
  await until("the thawed one leads no more", () => log().includes("leads no more")).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${log()}`);
  });
  await until("it waits", () => log().slice(log().indexOf("leads no more")).includes("another process leads"));
}

async function declareBackup(): Promise<void> {
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    // what a location counts is part of the world, and is soon counted
    "location.yaml": locationYaml(namespace, bucket).replace("default: true", "default: true\n  syncPeriod: 1s"),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
}

/** The first replica leads, and its backup does not get past the LIST of Secrets. */
async function leaderInMidBackup(): Promise<Replica & { readonly arrive: Arrive }> {
  await declareBackup();
  const first = start("first", { kubeconfigPath: proxy.kubeconfigPath });
  const arrive = await holdAt(
    (method, url) => method === "GET" && url.startsWith(`/api/v1/namespaces/${shop}/secrets`),
    "the backup lists its Secrets",
  );
  return { ...first, arrive };
}

/** A good backup is made, the namespace is emptied, and the first replica's restore gets to the first Secret. */
async function leaderInMidRestore(): Promise<Replica & { readonly arrive: Arrive }> {
  await declareBackup();
  const first = start("first", { kubeconfigPath: proxy.kubeconfigPath });
  await until("there is a backup", async () => (await statusOf("Backup", /^shop-hourly/)).phase === "Completed");
  for (const name of ["a", "b", "c"]) {
    await cluster.delete("ConfigMap", shop, name);
    await cluster.delete("Secret", shop, name);
  }
  const [backup] = await cluster.list("Backup", holdfast.namespace);
  await holdfast.commit({ "back.yaml": restoreYaml(holdfast.namespace, "back", backup?.metadata.name ?? "") });
  const arrive = await holdAt(
    (method, url) => method === "POST" && url.startsWith(`/api/v1/namespaces/${shop}/secrets`),
    "the restore writes a Secret",
  );
  return { ...first, arrive };
}

const WAYS = [
  ["killed", "SIGKILL"],
  ["frozen", "SIGSTOP"],
] as const;

describe.each(WAYS)("a leader that is %s", { timeout: 600_000 }, (_how, signal) => {
  it("in mid-backup: the other makes the slot up, and nothing changes afterwards", async () => {
    const first = await leaderInMidBackup();
    const { run: { term = 0 } = {} } = await statusOf("Backup", /^shop-hourly-\d{14}$/);
    const second = start("second");
    await until("the second one waits", () => second.log().includes("another process leads"));

    first.running.process.kill(signal);
    await until("the slot is made up", async () => (await statusOf("Backup", /-r1$/)).phase === "Completed");
    await until("it is recorded", async () => /lastBackup: shop-hourly-\d+-r1\b/.test(await recorded("policies/")));
    const taken = await steadyWorld();
    await first.arrive();
    if (signal === "SIGSTOP") await thaw(first);
    const after = await steadyWorld();
    first.running.process.kill("SIGKILL");
    second.running.process.kill("SIGTERM");
    await second.running.ended;

    expect(after).toEqual(taken);
    expect(await statusOf("Backup", /^shop-hourly-\d{14}$/)).toMatchObject({ phase: "Failed", run: { term } });
    expect(await statusOf("Backup", /-r1$/)).toMatchObject({ phase: "Completed", run: { term: term + 1 } });
    const markers = taken.filter((line) => /velero-backup\.json /.test(line));
    expect(markers.map((line) => /-r1\/velero-backup/.test(line))).toEqual([true]);
  });

  it("in mid-restore: the other goes on with the same run to its end, and nothing changes afterwards", async () => {
    const first = await leaderInMidRestore();
    const begun = await statusOf("RestorePlan", /^back$/);
    const paused = await owner();
    const second = start("second");
    await until("the second one waits", () => second.log().includes("another process leads"));

    first.running.process.kill(signal);
    await until("it is restored", async () => (await statusOf("RestorePlan", /^back$/)).phase === "Completed");
    await until("it is recorded", async () => /"done":/.test(await recorded("keys/")));
    const taken = await steadyWorld();
    await first.arrive();
    if (signal === "SIGSTOP") await thaw(first);
    const after = await steadyWorld();
    first.running.process.kill("SIGKILL");
    second.running.process.kill("SIGTERM");
    await second.running.ended;

    expect(after).toEqual(taken);
    const ended = await statusOf("RestorePlan", /^back$/);
    expect(begun.phase).toBe("InProgress");
    expect(ended).toMatchObject({ phase: "Completed", run: { id: begun.run?.id } });
    expect((await cluster.list("Secret", shop)).map(({ metadata }) => metadata.name).sort()).toEqual(["a", "b", "c"]);
    const configMaps = (await cluster.list("ConfigMap", shop)).map(({ metadata }) => metadata.name);
    expect(configMaps.filter((name) => name !== "kube-root-ca.crt").sort()).toEqual(["a", "b", "c"]);
    expect([paused, await owner()]).toEqual([
      { suspend: true, isRecorded: true },
      { suspend: false, isRecorded: false },
    ]);
  });
});
