/** Nothing is written to a cluster from an archive that is not whole: recorded at a proxy before the API server. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { readAll } from "../../src/storage/streams.ts";
import { createTarHeaderWriter, entryLength } from "../../src/storage/tar-header.ts";
import { testMarker, writeBackup } from "../../src/storage/testing.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { configMap, type RestoreRun, restore } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const ARCHIVE = backupKeys("backup").archive;

/** Restores behind a recording proxy; `writes` are the paths that something was sent to. */
async function recorded(
  run: (kube: KubeClient) => Promise<RestoreRun>,
): Promise<RestoreRun & { readonly writes: readonly string[] }> {
  const proxy = await startClusterProxy(cluster);
  const ran = await run(await client(proxy.kubeconfigPath));
  const writes = proxy.calls.filter(({ method }) => WRITES.has(method)).map(({ url }) => url);
  await proxy.stop();
  return { ...ran, writes };
}

/** A backup of ours in several gzip members. */
async function ours(namespace: string): Promise<{ store: MemoryStore; members: Buffer[] }> {
  const store = new MemoryStore();
  const items = Array.from({ length: 12 }, (_, index) => ({
    resource: "configmaps",
    object: configMap(namespace, `cm-${String(index).padStart(2, "0")}`, {
      text: Array.from({ length: 200 }, (_unused, line) => `${(line * 7919 * (index + 1)) % 10_007}`).join(" "),
    }),
  }));
  await writeBackup(store, items, { memberBytes: 4_096 });
  await store.put(backupKeys("backup").volumeInfo, gzipSync("[]"));
  const archive = await readAll(await store.get(ARCHIVE));
  const starts = [...archive.keys()].filter(
    (at) => archive.readUInt32BE(Math.min(at, archive.length - 4)) === 0x1f8b0800,
  );
  return { store, members: starts.map((start, index) => archive.subarray(start, starts[index + 1])) };
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

describe("a Holdfast archive", () => {
  it.each<[string, (members: Buffer[]) => Buffer[], RegExp]>([
    ["that is truncated", (m) => [Buffer.concat(m).subarray(0, -40)], /cut short/],
    ["that is cut at a member boundary", (m) => m.slice(0, -2), /cut short/],
    ["without its end-of-archive blocks", (m) => m.slice(0, -1), /cut short/],
    ["with a zeroed member", (m) => m.with(2, Buffer.alloc(m[2]?.length ?? 0)), /not the file/],
    ["with two members swapped", ([a, b, c, ...rest]) => [a, c, b, ...rest] as Buffer[], /not the file/],
    ["with a byte flipped", (m) => m.with(2, flipped(m[2] ?? Buffer.alloc(1), 40)), /not the file/],
    ["with bytes behind its end", (m) => [...m, Buffer.from("more")], /not the file/],
  ])("%s ends the restore before its first write, and the result says so", async (_what, damage, message) => {
    const namespace = await cluster.createNamespace();
    const { store, members } = await ours(namespace);
    await store.put(ARCHIVE, Buffer.concat(damage(members)));

    const { outcome, writes } = await recorded((kube) => restore(kube, store));

    expect(writes).toEqual([]);
    expect(outcome).toMatchObject({ phase: "Failed", totalItems: 0, failureReason: expect.stringMatching(message) });
    expect(outcome.failureReason).toMatch(/restore from another backup/);
  });
});

const headers = createTarHeaderWriter(0);

/** One tar entry; `change` alters its header before the checksum is set right again. */
function entry(path: string, body: string | Buffer, change?: (header: Buffer) => void): Buffer {
  const bytes = Buffer.from(body);
  const target = Buffer.alloc(entryLength(path, bytes.length));
  const start = headers.write(target, 0, path, bytes.length);
  bytes.copy(target, start);
  if (change === undefined) return target;
  const header = target.subarray(start - 512, start);
  change(header);
  header.write("        ", 148);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return target;
}

const END = Buffer.alloc(1024);
const ofType =
  (type: string) =>
  (path: string): Buffer[] => [entry(path, "", (header) => void header.write(type, 156)), END];

/** A backup as Velero leaves it: one archive, no index, no digest. */
async function veleros(...parts: Buffer[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.put(backupKeys("backup").marker, Buffer.from(JSON.stringify(testMarker("backup"))));
  await store.put(backupKeys("backup").volumeInfo, gzipSync("[]"));
  await store.put(ARCHIVE, gzipSync(Buffer.concat(parts)));
  return store;
}

const pathOf = (namespace: string, name: string): string => `resources/configmaps/namespaces/${namespace}/${name}.json`;
const bodyOf = (namespace: string, name: string): string => JSON.stringify(configMap(namespace, name, { a: "1" }));
const whole = (namespace: string, name: string): Buffer => entry(pathOf(namespace, name), bodyOf(namespace, name));

describe("a Velero archive", () => {
  it.each<[string, (path: string, namespace: string) => Buffer[], RegExp]>([
    ["without end-of-archive blocks", (_, ns) => [whole(ns, "b")], /two zero blocks/],
    ["that ends inside an entry", (path) => [entry(path, "x".repeat(2_000)).subarray(0, 1_024)], /middle of an entry/],
    ["with a symbolic link", ofType("2"), /symbolic link/],
    ["with a device", ofType("3"), /character device/],
    ["that leads upwards", () => [entry("resources/../../etc/x.json", "{}"), END], /leads out/],
    ["with an absolute name", () => [entry("/etc/passwd", "{}"), END], /absolute/],
    ["with one path twice", (_, ns) => [whole(ns, "b"), whole(ns, "b"), END], /twice/],
    [
      "with a PAX header of a megabyte",
      () => [entry("ext", `1000010 path=${"x".repeat(999_996)}\n`, (header) => void header.write("x", 156)), END],
      /extended headers/,
    ],
    ["that is a gzip bomb", (path) => [entry(path, Buffer.alloc(40 * 1024 * 1024, " ")), END], /larger than/],
    [
      "with an object that is not the one of its path",
      (path) => [entry(path, bodyOf("kube-system", "b")), END],
      /another object/,
    ],
  ])("%s ends the restore before its first write, and the result says so", async (_what, damage, message) => {
    const namespace = await cluster.createNamespace();
    const store = await veleros(whole(namespace, "a"), ...damage(pathOf(namespace, "b"), namespace));

    const { outcome, writes } = await recorded((kube) =>
      restore(kube, store, { spec: { includedNamespaces: [namespace] } }),
    );

    expect(writes).toEqual([]);
    expect(outcome).toMatchObject({ phase: "Failed", totalItems: 0, failureReason: expect.stringMatching(message) });
    expect(outcome.failureReason).toMatch(/restore from another backup/);
  });

  it("that is cut short ends the restore before its first write", async () => {
    const namespace = await cluster.createNamespace();
    const store = await veleros(whole(namespace, "a"), END);
    const bytes = await readAll(await store.get(ARCHIVE));
    await store.put(ARCHIVE, bytes.subarray(0, -9));

    const { outcome, writes } = await recorded((kube) => restore(kube, store));

    expect([outcome.phase, writes]).toEqual(["Failed", []]);
    expect(outcome.failureReason).toMatch(/cut short|gzip/);
  });

  it("with an object that is no JSON restores the others, and names that one", async () => {
    const namespace = await cluster.createNamespace();
    const broken = entry(pathOf(namespace, "broken"), '{"apiVersion":');
    const store = await veleros(whole(namespace, "a"), broken, whole(namespace, "z"), END);

    const { outcome, outcomes } = await recorded((kube) => restore(kube, store));

    expect(outcomes).toEqual({ "ConfigMap a": "created", "ConfigMap z": "created" });
    expect(outcome.phase).toBe("PartiallyFailed");
    expect(outcome.results.errors.namespaces?.[namespace]).toEqual([expect.stringMatching(/broken\.json: /)]);
  });

  it("with names of 253 characters and of other scripts restores what the API server takes, and names the rest", async () => {
    const namespace = await cluster.createNamespace();
    const long = "n".repeat(253);
    const store = await veleros(...["a", long, "ünï-日本"].map((name) => whole(namespace, name)), END);

    const { outcome, outcomes } = await recorded((kube) => restore(kube, store));

    expect(outcomes).toEqual({
      "ConfigMap a": "created",
      [`ConfigMap ${long}`]: "created",
      "ConfigMap ünï-日本": "failed",
    });
    expect(outcome.results.errors.namespaces?.[namespace]).toEqual([expect.stringMatching(/ünï-日本/)]);
  });

  it("of very many tiny entries is restored in part by a filter, one object written", async () => {
    const namespace = await cluster.createNamespace();
    const tiny = Array.from({ length: 20_000 }, (_, index) => whole("elsewhere", `t${index}`));
    const store = await veleros(...tiny, whole(namespace, "wanted"), END);

    const { outcome, outcomes, writes } = await recorded((kube) =>
      restore(kube, store, { spec: { includedNamespaces: [namespace] } }),
    );

    expect([outcome.phase, outcomes, writes.length]).toEqual(["Completed", { "ConfigMap wanted": "created" }, 1]);
  });
});
