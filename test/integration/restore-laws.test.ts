import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, plan, restore } from "./restore-support.ts";

const name = fc.constantFrom("a", "b", "c", "d");
const text = fc.constantFrom("", "1", "two words", "__proto__", "é");
const data = fc.dictionary(fc.constantFrom("k", "x.y", "constructor", "__proto__"), text, { maxKeys: 4 });
const port = fc.integer({ min: 80, max: 84 });

/** Objects of several kinds, one per kind and name. */
const objects = fc.uniqueArray(
  fc.oneof(
    fc.record({ kind: fc.constant("ConfigMap" as const), name, data, labels: data.map(labelsOf) }),
    fc.record({ kind: fc.constant("Secret" as const), name, data, labels: data.map(labelsOf) }),
    fc.record({
      kind: fc.constant("Service" as const),
      name,
      ports: fc.uniqueArray(port, { minLength: 1, maxLength: 3 }),
      type: fc.constantFrom("ClusterIP", "NodePort"),
    }),
    fc.record({ kind: fc.constant("ServiceAccount" as const), name, labels: data.map(labelsOf) }),
    fc.record({
      kind: fc.constant("Role" as const),
      name,
      verbs: fc.subarray(["get", "list", "watch"], { minLength: 1 }),
    }),
  ),
  { selector: (object) => `${object.kind} ${object.name}`, minLength: 1, maxLength: 8 },
);

type Drawn = typeof objects extends fc.Arbitrary<(infer T)[]> ? T : never;

function labelsOf(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.keys(values).map((_, index) => [`l${index}`, String(index)]));
}

function manifest(namespace: string, drawn: Drawn): KubeObject {
  const metadata = { name: drawn.name, namespace, ...("labels" in drawn ? { labels: drawn.labels } : {}) };
  switch (drawn.kind) {
    case "ConfigMap":
      return { apiVersion: "v1", kind: "ConfigMap", metadata, data: drawn.data };
    case "Secret":
      return { apiVersion: "v1", kind: "Secret", metadata, stringData: drawn.data };
    case "Service":
      return {
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: {
          type: drawn.type,
          selector: { a: "b" },
          ports: drawn.ports.map((number) => ({ name: `p${number}`, port: number })),
        },
      };
    case "ServiceAccount":
      return { apiVersion: "v1", kind: "ServiceAccount", metadata };
    case "Role":
      return {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata,
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: drawn.verbs }],
      };
  }
}

async function set(cluster: TestCluster, namespace: string, drawn: readonly Drawn[]): Promise<void> {
  for (const each of drawn) {
    const object = manifest(namespace, each);
    await cluster.delete(object.kind, namespace, object.metadata.name);
    await cluster.create(object);
  }
}

async function archive(kube: KubeClient, namespace: string, drawn: readonly Drawn[]): Promise<KubeObject[]> {
  const { resources } = await kube.discovery();
  return await Promise.all(
    drawn.map(async (each) => {
      const object = manifest(namespace, each);
      const served = resources.find(({ kind, preferred }) => kind === object.kind && preferred);
      const live = served && (await kube.get(served, { namespace, name: object.metadata.name }));
      if (live === undefined) throw new Error(`${object.kind} ${object.metadata.name} is not there`);
      return live;
    }),
  );
}

describe("laws of a restore", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();

  it("plan, then apply, leaves nothing to do", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(objects, objects, async (archived, live) => {
        const namespace = await cluster.createNamespace();
        await set(cluster, namespace, archived);
        const store = await backUp(kube, await archive(kube, namespace, archived));
        await set(cluster, namespace, live);
        const spec = { existingResourcePolicy: "update" as const };

        const before = await plan(kube, store, { spec });
        const { outcome } = await restore(kube, store, { spec });
        const after = await plan(kube, store, { spec });

        expect(outcome).toMatchObject({
          phase: "Completed",
          errors: 0,
          counts: { patched: before.summary.totals.patch, created: before.summary.totals.create },
        });
        expect(after.entries.filter(({ action }) => action !== "unchanged")).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });

  it("back up, wipe, restore gives the objects back", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(objects, async (archived) => {
        const namespace = await cluster.createNamespace();
        await set(cluster, namespace, archived);
        const before = await archive(kube, namespace, archived);
        const store = await backUp(kube, before);
        for (const { kind, metadata } of before) await cluster.delete(kind, namespace, metadata.name);

        const { outcome } = await restore(kube, store);

        expect(outcome.errors).toBe(0);
        const after = await archive(kube, namespace, archived);
        expect(after.map(contentOf)).toEqual(before.map(contentOf));
      }),
      { numRuns: 10 },
    );
  });
});

/** What a person wrote; addresses and automatic ports are assigned anew. */
function contentOf({ apiVersion, kind, metadata, data: values, type, rules, spec }: KubeObject): unknown {
  const { "velero.io/backup-name": _b, "velero.io/restore-name": _r, ...labels } = metadata.labels ?? {};
  const {
    clusterIP: _ip,
    clusterIPs: _ips,
    ports = [],
    ...rest
  } = (spec ?? {}) as { clusterIP?: string; clusterIPs?: string[]; ports?: Record<string, unknown>[] };
  return {
    apiVersion,
    kind,
    name: metadata.name,
    labels,
    values,
    type,
    rules,
    rest,
    ports: ports.map(({ nodePort: _port, ...kept }) => kept),
  };
}
