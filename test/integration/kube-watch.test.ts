import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubeClient, WatchEvent } from "../../src/kube/client.ts";
import { faultOnce } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };

/** What a watch has told, in short: `listed 2`, `changed a`. */
function tell(event: WatchEvent): string {
  return event.type === "listed" ? `listed ${event.objects.length}` : `${event.type} ${event.object.metadata.name}`;
}

describe("watch with relist", () => {
  const cluster = useTestCluster();
  const connect = useKubeClients();
  let proxy: ClusterProxy;
  let kube: KubeClient;
  let namespace: string;

  beforeAll(async () => {
    proxy = await startClusterProxy(cluster);
    kube = await connect(proxy.kubeconfigPath);
  });
  beforeEach(async () => {
    proxy.setFaults();
    proxy.forget();
    namespace = await cluster.createNamespace();
  });
  afterAll(() => proxy.stop());

  const make = (name: string, color = "red") =>
    cluster.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace, name, labels: { watched: "yes" } },
      data: { color },
    });

  /** Watches until `stop` is called; `events` grows. Of each event, `handled` is waited for. */
  function watch(
    options: { relistMs?: number } = {},
    handled: () => Promise<void> = async () => {},
    watcher: KubeClient = kube,
  ) {
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const watching = watcher.watchResource(
      CONFIG_MAPS,
      { namespace, labelSelector: "watched=yes", signal: stop.signal, ...options },
      async (event) => {
        await handled();
        events.push(event);
      },
    );
    return { events, told: () => events.map(tell), watching, stop: () => stop.abort() };
  }

  it("lists, then tells of each change, until it is stopped", async () => {
    await make("a");
    const watched = watch();
    await expect.poll(watched.told).toEqual(["listed 1"]);

    await make("b");
    await make("b", "blue");
    await cluster.delete("ConfigMap", namespace, "a");

    await expect.poll(watched.told).toEqual(["listed 1", "changed b", "changed b", "deleted a"]);
    watched.stop();
    await watched.watching;
  });

  it("goes on where a handler took its time, with every change in its order", async () => {
    const ready = Promise.withResolvers<void>();
    let begun = 0;
    const watched = watch({}, async () => {
      begun += 1;
      if (begun > 1) await ready.promise; // the list is told at once
    });
    await expect.poll(watched.told).toEqual(["listed 0"]);
    const names = Array.from({ length: 40 }, (_, index) => `large-${index}`);
    for (const name of names) await make(name, "x".repeat(100_000));
    await expect.poll(() => begun).toBe(2);

    ready.resolve();

    await expect.poll(watched.told).toEqual(["listed 0", ...names.map((name) => `changed ${name}`)]);
    watched.stop();
    await watched.watching;
  });

  it("relists again and again, and finds nothing that the watch had not told", async () => {
    await make("a");
    // Made when the list has been read and before the watch has begun: the watch tells it, however slow this machine is.
    let made: Promise<unknown> | undefined;
    proxy.setFaults(async ({ url }) => {
      if (!url.includes("watch=true")) return undefined;
      made ??= make("b");
      await made;
      return undefined;
    });
    const watched = watch({ relistMs: 1_500 });

    await expect.poll(watched.told).toEqual(expect.arrayContaining(["listed 1", "changed b", "listed 2"]));

    const lists = watched.events.filter((event) => event.type === "listed");
    expect(lists.map((event) => event.missed)).toEqual(lists.map(() => 0));
    watched.stop();
    await watched.watching;
  });

  it("counts what a broken watch missed", async () => {
    await make("a");
    const hasty = await connect(proxy.kubeconfigPath, { limits: { requestTimeoutMs: 1_000 } });
    proxy.setFaults((call) => (call.url.includes("watch=true") ? { type: "hang" } : undefined));
    const watched = watch({ relistMs: 60_000 }, undefined, hasty);
    await expect.poll(watched.told).toEqual(["listed 1"]);
    await make("b");

    await expect
      .poll(() => watched.events.some((event) => event.type === "listed" && event.missed === 1), { timeout: 40_000 })
      .toBe(true);
    watched.stop();
    await watched.watching;
  });

  it("lists anew when the watch is cut, and goes on", async () => {
    proxy.setFaults(faultOnce(({ url }) => url.includes("watch=true"), { type: "resetAnswer", afterBytes: 10 }));
    const watched = watch();
    await expect.poll(watched.told).toEqual(["listed 0"]);
    await make("a"); // cut while it is told

    await expect.poll(watched.told).toEqual(["listed 0", "listed 1"]);
    await make("b");

    await expect.poll(watched.told).toEqual(["listed 0", "listed 1", "changed b"]);
    watched.stop();
    await watched.watching;
  });

  it("lists anew when the server has forgotten the place", async () => {
    let expired = 0;
    const error = {
      type: "ERROR",
      object: { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" },
    };
    proxy.setFaults((call) => {
      if (!call.url.includes("watch=true") || expired++ > 0) return undefined;
      return {
        type: "answer",
        status: 200,
        headers: { "content-type": "application/json" },
        body: `${JSON.stringify(error)}\n`,
      };
    });
    const watched = watch();

    await expect.poll(watched.told).toEqual(["listed 0", "listed 0"]);
    await make("a");

    await expect.poll(watched.told).toEqual(["listed 0", "listed 0", "changed a"]);
    watched.stop();
    await watched.watching;
  });

  it("waits for a slow consumer and drops nothing", async () => {
    const seen: string[] = [];
    const stop = new AbortController();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const watching = kube.watchResource(
      CONFIG_MAPS,
      { namespace, labelSelector: "watched=yes", signal: stop.signal },
      async (event) => {
        if (event.type === "changed") await held;
        seen.push(tell(event));
      },
    );
    await expect.poll(() => seen).toEqual(["listed 0"]);

    for (const name of ["a", "b", "c"]) await make(name);
    expect(seen).toEqual(["listed 0"]);
    release();

    await expect.poll(() => seen).toEqual(["listed 0", "changed a", "changed b", "changed c"]);
    stop.abort();
    await watching;
  });

  it("throws where nothing will ever be served", async () => {
    const stop = new AbortController();

    const watching = kube.watchResource(
      { group: "none.example.com", version: "v1", resource: "nothings" },
      { signal: stop.signal },
      () => {},
    );

    await expect(watching).rejects.toMatchObject({ code: "KubeNotFound" });
  });
});
