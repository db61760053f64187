import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { type Drawn, edited, lawCrd, manifest, objects, type Places } from "./law-objects.ts";
import { backUp, plan, restore } from "./restore-support.ts";

describe("laws of a restore", () => {
  const cluster = useTestCluster();
  const client = useKubeClients();
  const group = `${uniqueName("law")}.example.org`;

  beforeAll(async () => {
    await cluster.apply(lawCrd(group));
  });
  afterAll(async () => {
    await cluster.delete("CustomResourceDefinition", undefined, `laws.${group}`);
  });

  async function newPlaces(): Promise<Places> {
    const namespaces = [await cluster.createNamespace(), await cluster.createNamespace()];
    return { namespaces, prefix: uniqueName("law"), group };
  }

  async function remove(places: Places, drawn: Drawn): Promise<void> {
    const { kind, metadata } = manifest(places, drawn);
    await cluster.delete(kind === "Law" ? `Law.${group}` : kind, metadata.namespace, metadata.name);
  }

  /** What stands at the place of each, whole. */
  async function read(kube: KubeClient, places: Places, all: readonly Drawn[]): Promise<KubeObject[]> {
    const { resources } = await kube.discovery();
    const read = async (drawn: Drawn): Promise<KubeObject> => {
      const { apiVersion, kind, metadata } = manifest(places, drawn);
      const served = resources.find(
        (each) => each.kind === kind && apiVersion === (each.group === "" ? "v1" : `${each.group}/v1`),
      );
      const key = { namespace: metadata.namespace ?? "", name: metadata.name };
      const live = served && (await kube.get(served, key));
      if (live === undefined) throw new Error(`${kind} ${metadata.name} is not there`);
      return live;
    };
    return await Promise.all(all.map(read));
  }

  it("plan, then apply, leaves nothing to do", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(edited, async (drawn) => {
        const places = await newPlaces();
        const all = drawn.map(({ object }) => object);
        for (const object of all) await cluster.create(manifest(places, object));
        const archived = await read(kube, places, all);
        const store = await backUp(kube, archived);
        for (const { object, edit } of drawn) {
          if (edit.type === "keep") continue;
          await remove(places, object);
          if (edit.type === "redraw") await cluster.create(manifest(places, edit.to));
        }
        const spec = { existingResourcePolicy: "update" as const };

        const before = await plan(kube, store, { spec });
        const { outcome } = await restore(kube, store, { spec });
        const after = await plan(kube, store, { spec });
        const later = await plan(kube, store, { spec, run: "later-20260102030406" });

        expect(outcome).toMatchObject({
          phase: "Completed",
          errors: 0,
          counts: {
            patched: before.summary.totals.patch,
            created: before.summary.totals.create,
            labelled: before.summary.totals.labelsOnly,
            unchanged: before.summary.totals.unchanged,
          },
        });
        expect(after.entries.filter(({ action }) => action !== "unchanged")).toEqual([]);
        expect(later.entries.filter(({ action }) => action !== "unchanged" && action !== "labelsOnly")).toEqual([]);
        const restored = await read(kube, places, all);
        expect(restored.filter(isReplaced).map(contentOf)).toEqual(archived.filter(isReplaced).map(contentOf));
        for (const object of all) await remove(places, object);
      }),
      { numRuns: 15 },
    );
  });

  it("back up, wipe, restore gives the objects back", async () => {
    const kube = await client(cluster.kubeconfigPath);
    await fc.assert(
      fc.asyncProperty(objects, async (all) => {
        const places = await newPlaces();
        for (const object of all) await cluster.create(manifest(places, object));
        const before = await read(kube, places, all);
        const store = await backUp(kube, before);
        for (const object of all) await remove(places, object);

        const { outcome } = await restore(kube, store);

        expect(outcome).toMatchObject({ errors: 0, counts: { created: all.length } });
        const after = await read(kube, places, all);
        expect(after.map(contentOf)).toEqual(before.map(contentOf));
        for (const object of all) await remove(places, object);
      }),
      { numRuns: 12 },
    );
  });
});

/** Service accounts are merged: what a person has put on since stays. */
function isReplaced({ kind }: KubeObject): boolean {
  return kind !== "ServiceAccount";
}

/** What a person wrote; addresses and automatic ports are assigned anew. */
function contentOf({ metadata, status: _status, ...rest }: KubeObject): unknown {
  const { "velero.io/backup-name": _b, "velero.io/restore-name": _r, ...labels } = metadata.labels ?? {};
  const content = { ...rest, name: metadata.name, namespace: metadata.namespace, labels };
  return rest.kind === "Service" ? { ...content, spec: unassigned(rest.spec) } : content;
}

function unassigned(spec: unknown): unknown {
  const {
    clusterIP: _ip,
    clusterIPs: _ips,
    ports,
    ...rest
  } = spec as Record<string, unknown> & {
    ports: Record<string, unknown>[];
  };
  return { ...rest, ports: ports.map(({ nodePort: _port, ...kept }) => kept) };
}
