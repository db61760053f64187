import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient, ListPage, WatchEvent } from "../../src/kube/client.ts";
import { readAll, useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };
const NAMESPACE = "default";

function configMap(name: string) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: NAMESPACE, name, labels: { counted: "yes" } } };
}

function namesOf(pages: readonly ListPage[]): string[] {
  const name = (item: Uint8Array) =>
    (JSON.parse(Buffer.from(item).toString()) as { metadata: { name: string } }).metadata.name;
  return pages.flatMap((page) => page.items.map(name));
}

describe("an API server that forgets and dies", () => {
  const cluster = usePrivateCluster({ controllerManager: false, apiServerArgs: ["--etcd-compaction-interval=1s"] });
  const connect = useKubeClients();
  const names = Array.from({ length: 60 }, (_, index) => `item-${String(index).padStart(3, "0")}`);
  let kube: KubeClient;
  /** Waits of the client before another try. */
  let waits = 0;

  beforeAll(async () => {
    const sleep: typeof systemClock.sleep = async (ms, signal) => {
      waits++;
      await systemClock.sleep(ms, signal);
    };
    kube = await connect(cluster.kubeconfigPath, { clock: { ...systemClock, sleep } });
    await Promise.all(names.map((name) => cluster.create(configMap(name))));
  });

  it("goes on with a LIST whose revision the server has really compacted away", async () => {
    const pages: ListPage[] = [];
    for await (const page of kube.listPages(CONFIG_MAPS, { namespace: NAMESPACE, limit: 10 })) {
      pages.push(page);
      if (pages.length === 1) await untilCompacted(page.resourceVersion);
    }

    expect(namesOf(pages)).toEqual(names);
    expect(pages[0]?.inconsistent).toBe(false);
    expect(pages.at(-1)?.inconsistent).toBe(true);
    expect(pages.at(-1)?.resourceVersion).not.toBe(pages[0]?.resourceVersion);
  });

  it("tells of an aggregated API whose server is dead, and of all others as ever", async () => {
    const group = `${uniqueName("dead")}.example.com`;
    const spec = {
      group,
      version: "v1",
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { namespace: "default", name: "absent" },
      insecureSkipTLSVerify: true,
    };
    await cluster.create({
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `v1.${group}` },
      spec,
    });

    await expect
      .poll(async () => (await kube.discovery({ refresh: true })).failures.map((failure) => failure.groupVersion))
      .toEqual([`${group}/v1`]);
    expect((await kube.discovery()).resources.some((resource) => resource.resource === "pods")).toBe(true);
    await cluster.delete("APIService", undefined, `v1.${group}`);
  });

  it("waits for a server that is restarted in the middle of a LIST, of creates and of a watch", async () => {
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const watching = kube.watchResource(
      CONFIG_MAPS,
      { namespace: NAMESPACE, labelSelector: "born=late", signal: stop.signal },
      (event) => void events.push(event),
    );
    await expect.poll(() => events.length).toBe(1);
    const pages = kube.listPages(CONFIG_MAPS, { namespace: NAMESPACE, limit: 10 });
    const first = await pages[Symbol.asyncIterator]().next();

    await cluster.controlPlane.killApiServer();
    const rest = readAll(pages);
    const late = names.slice(0, 20).map((name) => `late-${name}`);
    const creates = Promise.all(
      late.map((name) =>
        kube.create(CONFIG_MAPS, {
          ...configMap(name),
          metadata: { namespace: NAMESPACE, name, labels: { born: "late" } },
        }),
      ),
    );
    const before = waits;
    await expect.poll(() => waits - before).toBeGreaterThanOrEqual(late.length);
    await cluster.controlPlane.startApiServer();

    expect((await creates).map((object) => object.metadata.name)).toEqual(late);
    const listed = namesOf([...(first.done === true ? [] : [first.value]), ...(await rest)]);
    expect(listed.filter((name) => name.startsWith("item-"))).toEqual(names);
    const told = () =>
      new Set(
        events.flatMap((event) =>
          (event.type === "listed" ? event.objects : [event.object]).map((object) => object.metadata.name),
        ),
      );
    await expect.poll(() => [...told()].sort()).toEqual(late);
    stop.abort();
    await watching;
  });

  /** Writes until the server answers 410 to a read at that revision. */
  async function untilCompacted(resourceVersion: string): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}/configmaps?limit=1&resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`;
    let count = 0;
    await expect
      .poll(
        async () => {
          await cluster.patch("ConfigMap", NAMESPACE, "item-059", { data: { count: String(count++) } });
          return (await cluster.request("GET", path)).status;
        },
        { timeout: 60_000, interval: 300 },
      )
      .toBe(410);
  }
});
