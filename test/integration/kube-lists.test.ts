import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { beforeAll, describe, expect, it } from "vitest";
import type { KubeClient, ListPage } from "../../src/kube/client.ts";
import { itemWithTypeMeta } from "../../src/kube/item-bytes.ts";
import { readAll, useKubeClients } from "../support/kube-client.ts";
import { builtInGroups } from "../support/served-kinds.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };

function namesOf(pages: readonly ListPage[]): string[] {
  return pages.flatMap((page) =>
    page.items.map(
      (item) => (JSON.parse(Buffer.from(item).toString()) as { metadata: { name: string } }).metadata.name,
    ),
  );
}

/** A kind of its own, whose items keep whatever JSON they are given. */
function anyCrd(group: string): object {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `things.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        plural: "things",
        singular: "thing",
        kind: "Thing",
        listKind: "Things",
        shortNames: ["thg"],
        categories: ["all"],
      },
      versions: [
        { name: "v1", served: true, storage: true, schema, subresources: { status: {} } },
        { name: "v1alpha1", served: true, storage: false, schema },
      ],
    },
  };
}

describe("LIST and discovery", () => {
  const cluster = useTestCluster();
  const connect = useKubeClients();
  let kube: KubeClient;
  let namespace: string;

  beforeAll(async () => {
    kube = await connect(cluster.kubeconfigPath);
    namespace = await cluster.createNamespace();
  });

  it("pages through 1,200 objects in the server's order", { timeout: 300_000 }, async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `page-${String(index).padStart(5, "0")}`);
    const metadata = { namespace, labels: { paged: "yes" } };
    await Promise.all(
      names.map((name) =>
        kube.create(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, name } }),
      ),
    );

    const pages = await readAll(kube.listPages(CONFIG_MAPS, { namespace, limit: 100, labelSelector: "paged=yes" }));

    expect(pages.map((page) => page.items.length)).toEqual(Array(12).fill(100));
    expect(namesOf(pages)).toEqual(names);
    expect(new Set(pages.map((page) => page.resourceVersion)).size).toBe(1);
    expect(pages.every((page) => page.kind === "ConfigMap" && page.apiVersion === "v1" && !page.inconsistent)).toBe(
      true,
    );
  });

  it("puts a page of a passing LIST where an earlier one was, never where one is read", {
    timeout: 300_000,
  }, async () => {
    let answers = 0;
    const watched = await connect(cluster.kubeconfigPath, { observe: () => answers++ });
    const options = { namespace, limit: 100, labelSelector: "paged=yes" };
    const names: string[] = [];
    const memories = new Set<unknown>();
    let pages = 0;

    for await (const page of watched.listPages(CONFIG_MAPS, { ...options, passing: true })) {
      const before = Buffer.concat(page.items);
      pages++;
      await expect.poll(() => answers).toBe(Math.min(12, pages + 1));
      expect(Buffer.concat(page.items).equals(before)).toBe(true);
      names.push(...namesOf([page]));
      memories.add(page.items[0]?.buffer);
    }

    expect(names).toEqual(namesOf(await readAll(kube.listPages(CONFIG_MAPS, options))));
    expect([names.length, pages, memories.size]).toEqual([1_200, 12, 2]);
  });

  it("reads one page ahead, never two, and lets go when nobody reads on", { timeout: 300_000 }, async () => {
    const seen: string[] = [];
    const watched = await connect(cluster.kubeconfigPath, { observe: ({ path }) => seen.push(path) });

    for await (const page of watched.listPages(CONFIG_MAPS, { namespace, limit: 100 })) {
      expect(page.items).toHaveLength(100);
      await expect.poll(() => seen.length).toBe(2);
      break;
    }

    expect(seen).toHaveLength(2);
  });

  it("has the next page's request on the wire before it hands over a page", async () => {
    // undici's own word for "written to the socket": a proxy of this process would be held up by what holds up the client.
    const sent: string[] = [];
    const note = (message: unknown): void => {
      const { path } = (message as { request: { path: string } }).request;
      if (path.includes(`/namespaces/${namespace}/configmaps`)) sent.push(path);
    };
    subscribe("undici:client:sendHeaders", note);
    const counts: number[] = [];

    for await (const _page of kube.listPages(CONFIG_MAPS, { namespace, labelSelector: "paged", limit: 400 }))
      counts.push(sent.length);
    unsubscribe("undici:client:sendHeaders", note);

    expect(counts).toEqual([2, 3, 3]);
  });

  it("asks again in smaller pieces when a page is too large", async () => {
    const own = await cluster.createNamespace();
    const large = (index: number) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: own, name: `large-${index}` },
      data: { blob: "x".repeat(900_000) },
    });
    for (let index = 0; index < 8; index++) await cluster.create(large(index));
    const frugal = await connect(cluster.kubeconfigPath, { limits: { maxPageBytes: 2_000_000 } });

    const pages = await readAll(frugal.listPages(CONFIG_MAPS, { namespace: own }));

    expect(namesOf(pages).filter((name) => name.startsWith("large"))).toEqual(
      Array.from({ length: 8 }, (_, index) => `large-${index}`),
    );
    expect(
      Math.max(...pages.map((page) => page.items.reduce((sum, item) => sum + item.length, 0))),
    ).toBeLessThanOrEqual(2_000_000);
  });

  it("keeps every byte of a custom resource and of a field no client knows", async () => {
    const group = `${uniqueName("g")}.example.com`;
    await cluster.apply(anyCrd(group));
    const things = { group, version: "v1", resource: "things" };
    const text = `{"apiVersion":"${group}/v1","kind":"Thing","metadata":{"name":"exact","namespace":"${namespace}"},"spec":{"big":9007199254740993,"small":-9223372036854775808,"float":1.5,"text":"<&>\\u2028\\"}]"}}`;
    const created = await cluster.request("POST", `/apis/${group}/v1/namespaces/${namespace}/things`, text);
    expect(created.status, created.text).toBe(201);

    const [page] = await readAll(kube.listPages(things, { namespace }));

    const one = await cluster.request("GET", `/apis/${group}/v1/namespaces/${namespace}/things/exact`);
    expect(page?.items.map((item) => Buffer.from(item).toString())).toEqual([one.text.trimEnd()]);
    expect(one.text).toContain('"big":9007199254740993');
    if (page !== undefined) expect(itemWithTypeMeta(page, 0)).toBe(page.items[0]);
    // …and as a value, through a change and back
    const object = await kube.get(things, { namespace, name: "exact" });
    if (object !== undefined)
      await kube.replace(things, { ...object, metadata: { ...object.metadata, labels: { touched: "yes" } } });
    const touched = await cluster.request("GET", `/apis/${group}/v1/namespaces/${namespace}/things/exact`);
    expect(touched.text).toContain('"big":9007199254740993');
    expect(touched.text).toContain('"small":-9223372036854775808');
  });

  it("puts apiVersion and kind in front of built-in items and changes nothing else", async () => {
    const own = await cluster.createNamespace();
    await cluster.create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { namespace: own, name: "web" },
      spec: { ports: [{ port: 80 }], trafficDistribution: "PreferClose" },
    });

    const [page] = await readAll(
      kube.listPages({ group: "", version: "v1", resource: "services" }, { namespace: own }),
    );

    const item = Buffer.from(page?.items[0] ?? []).toString();
    expect(item).toMatch(/^\{"metadata":/);
    expect(item).toContain('"trafficDistribution":"PreferClose"');
    const complete = page === undefined ? "" : Buffer.from(itemWithTypeMeta(page, 0)).toString();
    expect(complete).toBe(`{"apiVersion":"v1","kind":"Service",${item.slice(1)}`);
  });

  it("lists an empty collection as one empty page", async () => {
    const own = await cluster.createNamespace();

    const pages = await readAll(kube.listPages({ group: "", version: "v1", resource: "secrets" }, { namespace: own }));

    expect(pages.map((page) => page.items)).toEqual([[]]);
  });

  it("calls an unserved resource KubeNotFound", async () => {
    const gone = { group: "none.example.com", version: "v1", resource: "nothings" };

    await expect(readAll(kube.listPages(gone))).rejects.toMatchObject({ code: "KubeNotFound" });
  });

  it("discovers resources in the server's order, as unaggregated discovery tells them too", async () => {
    const group = `${uniqueName("g")}.example.com`;
    await cluster.apply(anyCrd(group));

    const discovery = await kube.discovery({ refresh: true });

    const { groups } = JSON.parse((await cluster.request("GET", "/apis")).text) as { groups: { name: string }[] };
    const builtIn = await builtInGroups(cluster); // other files' groups come and go
    const inOrder = [...new Set(discovery.resources.map((resource) => resource.group))];
    expect(inOrder.filter((name) => builtIn.has(name))).toEqual([
      "",
      ...groups.map(({ name }) => name).filter((name) => builtIn.has(name) && inOrder.includes(name)),
    ]);
    expect(discovery.resources.filter((resource) => resource.group === group)).toEqual([
      {
        group,
        version: "v1",
        resource: "things",
        kind: "Thing",
        singular: "thing",
        shortNames: ["thg"],
        categories: ["all"],
        namespaced: true,
        verbs: expect.arrayContaining([
          "list",
          "create",
          "get",
          "delete",
          "watch",
          "patch",
          "update",
          "deletecollection",
        ]) as string[],
        preferred: true,
        subresources: ["status"],
      },
      expect.objectContaining({ version: "v1alpha1", preferred: false, subresources: [] }),
    ]);
    expect(discovery.resources.some((resource) => resource.resource.includes("/"))).toBe(false);
    expect(discovery.failures.filter(({ groupVersion }) => groupVersion.startsWith(group))).toEqual([]);
  });

  it("keeps what it discovered until asked to refresh", async () => {
    const patient = await connect(cluster.kubeconfigPath);
    const before = await patient.discovery();
    const group = `${uniqueName("g")}.example.com`;
    await cluster.apply(anyCrd(group));

    expect(await patient.discovery()).toBe(before);
    expect((await patient.discovery({ refresh: true })).resources.some((resource) => resource.group === group)).toBe(
      true,
    );
  });
});
