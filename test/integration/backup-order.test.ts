/** Ordering, versions and progress of a backup on a real API server. */
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import type { BackupRunProgress } from "../../src/backup/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { readAll, useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backupRequest, makeBackup, readObject } from "./backup-requests.ts";

const cluster = useTestCluster();
const client = useKubeClients();
const store = new MemoryStore();
let kube: KubeClient;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
});

describe("a backup", () => {
  it("takes ordered objects first, in their order, and each once", async () => {
    const namespace = await cluster.createNamespace();
    for (const name of ["a", "b", "c"])
      await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } });

    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        includedResources: ["cm"],
        orderedResources: { configmaps: `${namespace}/c,${namespace}/a,${namespace}/gone` },
      }),
    );

    const own = (await made.objects()).filter((object) => !object.endsWith("kube-root-ca.crt"));
    expect(own).toEqual(["c", "a", "b"].map((name) => `configmaps ${namespace}/${name}`));
    expect(made.outcome).toMatchObject({ phase: "Completed", warnings: 1 });
    expect(made.outcome.results.warnings.namespaces?.[namespace]?.join()).toMatch(/gone.*orderedResources names it/);
  });

  it("takes no ordered object that its selectors leave out", async () => {
    const namespace = await cluster.createNamespace();
    for (const [name, app] of [
      ["a", "web"],
      ["b", "web"],
      ["c", "other"],
    ])
      await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels: { app } } });
    const spec = {
      includedNamespaces: [namespace],
      includedResources: ["cm"],
      orderedResources: { configmaps: `${namespace}/c,${namespace}/b` },
    };
    const web = { matchLabels: { app: "web" } };

    const one = await makeBackup({ kube, store }, backupRequest({ ...spec, labelSelector: web }));
    const either = await makeBackup(
      { kube, store },
      backupRequest({ ...spec, orLabelSelectors: [{ matchLabels: { app: "none" } }, web] }),
    );

    const expected = ["b", "a"].map((name) => `configmaps ${namespace}/${name}`);
    expect([await one.objects(), await either.objects()]).toEqual([expected, expected]);
    expect([one.outcome.totalItems, either.outcome.totalItems]).toEqual([2, 2]);
    expect([one.outcome.warnings, either.outcome.warnings]).toEqual([1, 1]);
  });

  it("holds every served version where all are asked for, and one where not", async () => {
    const namespace = await cluster.createNamespace();
    const group = `${uniqueName("v")}.example.org`;
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    await cluster.apply({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `things.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
        versions: [
          { name: "v1", served: true, storage: true, schema },
          { name: "v1beta1", served: true, storage: false, schema },
        ],
      },
    });
    await cluster.request("POST", `/apis/${group}/v1/namespaces/${namespace}/things`, {
      apiVersion: `${group}/v1`,
      kind: "Thing",
      metadata: { name: "t" },
    });
    const spec = { includedNamespaces: [namespace], includedResources: [`things.${group}`] };

    const all = await makeBackup({ kube, store }, backupRequest({ ...spec, apiVersions: "All" }));
    const one = await makeBackup({ kube, store }, backupRequest(spec));

    const thing = `things.${group} ${namespace}/t`;
    expect((await all.objects()).filter((object) => object.startsWith("things")).sort()).toEqual([
      thing,
      `${thing} (v1-preferredversion)`,
      `${thing} (v1beta1)`,
    ]);
    expect((await one.objects()).filter((object) => object.startsWith("things"))).toEqual([thing]);
    expect(all.outcome.itemsBackedUp).toBe(one.outcome.itemsBackedUp);
    await cluster.delete("CustomResourceDefinition", undefined, `things.${group}`);
  });

  it("tells how far it is, and at the end exactly what it wrote", async () => {
    const namespace = await cluster.createNamespace();
    const told: BackupRunProgress[] = [];

    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace] }, { onProgress: (progress) => told.push(progress) }),
    );

    const items = (await made.objects()).length;
    const last = told.at(-1);
    expect(last).toMatchObject({ itemsBackedUp: items, totalItems: items, resourcesListed: last?.totalResources });
    expect(last?.totalResources).toBeGreaterThan(10);
    expect(made.outcome).toMatchObject({ itemsBackedUp: items, totalItems: items });
  });

  it("can be read back object by object, each with the bytes the API server sent", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", namespace },
      data: { b: "1", a: "\u2028 ü" },
    });

    const made = await makeBackup(
      { kube, store },
      backupRequest({ includedNamespaces: [namespace], includedResources: ["configmaps"] }),
    );

    const reader = await openBackup(store, made.name);
    const rows = await readAll(reader.rows("configmaps"));
    const row = rows.find(({ name }) => name === "c");
    const sent = await kube.getBytes({ group: "", version: "v1", resource: "configmaps" }, { namespace, name: "c" });
    const archived = row === undefined ? "" : (await reader.read(row)).toString();
    expect(JSON.parse(archived)).toEqual(JSON.parse(Buffer.from(sent ?? []).toString()));
    expect(gunzipSync(await readObject(store, backupKeys(made.name).logs)).toString()).toContain("resource=configmaps");
    await reader.close();
  });
});
