import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { type Fault, faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };

function configMap(namespace: string, name: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name, labels: { made: "here" } },
    data: { color: "red" },
  };
}

function status(code: number, reason: string, headers: Record<string, string> = {}): Fault {
  const body = JSON.stringify({
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    message: `injected ${reason}`,
    reason,
    code,
  });
  return { type: "answer", status: code, headers: { "content-type": "application/json", ...headers }, body };
}

const method = (wanted: string) => (call: IncomingCall) => call.method === wanted;

describe("the client against a failing server", () => {
  const cluster = useTestCluster();
  const connect = useKubeClients();
  let proxy: ClusterProxy;
  let kube: KubeClient;
  let namespace: string;

  beforeAll(async () => {
    proxy = await startClusterProxy(cluster, { keepBodies: true });
    kube = await connect(proxy.kubeconfigPath);
    namespace = await cluster.createNamespace();
    await cluster.create(configMap(namespace, "there"));
    await kube.getPath("/version");
  });
  beforeEach(() => {
    proxy.setFaults();
    proxy.forget();
  });
  afterAll(() => proxy.stop());

  const read = () => kube.get(CONFIG_MAPS, { namespace, name: "there" });

  it.each<[string, Fault]>([
    ["429", status(429, "TooManyRequests")],
    ["500", status(500, "InternalError")],
    [
      "502 of a gateway",
      { type: "answer", status: 502, headers: { "content-type": "text/html" }, body: "<h1>Bad Gateway</h1>" },
    ],
    ["503", status(503, "ServiceUnavailable")],
    ["504", status(504, "Timeout")],
    ["a reset", { type: "reset" }],
    ["an answer that never came", { type: "dropAnswer" }],
    ["an answer cut in the middle", { type: "resetAnswer", afterBytes: 20 }],
  ])("reads again after %s", async (_name, fault) => {
    proxy.setFaults(faultOnce(method("GET"), fault, 2));

    expect((await read())?.data).toEqual({ color: "red" });
    expect(proxy.calls).toHaveLength(3);
  });

  it("gives up on lasting internal errors after a few tries, with the server's own words", async () => {
    proxy.setFaults(() => status(500, "InternalError"));

    await expect(read()).rejects.toMatchObject({
      code: "KubeRejected",
      data: { status: 500 },
      message: /injected InternalError/,
    });
    expect(proxy.calls).toHaveLength(4);
  });

  it("does not come back before Retry-After", async () => {
    proxy.setFaults(faultOnce(method("GET"), status(429, "TooManyRequests", { "retry-after": "2" })));
    const began = performance.now();

    await read();

    expect(performance.now() - began).toBeGreaterThanOrEqual(2_000);
    expect(proxy.calls).toHaveLength(2);
  });

  it("sends nothing else either while the server asks for quiet", async () => {
    const told = Promise.withResolvers<number>();
    const sleep: typeof systemClock.sleep = (ms, signal) => {
      told.resolve(performance.now());
      return systemClock.sleep(ms, signal);
    };
    const own = await connect(proxy.kubeconfigPath, { clock: { ...systemClock, sleep } });
    const refuse = faultOnce(
      ({ url }) => url.endsWith("/there"),
      status(429, "TooManyRequests", { "retry-after": "1" }),
    );
    let cameMs = 0;
    proxy.setFaults((call) => {
      if (call.url === "/version") cameMs = performance.now();
      return refuse(call);
    });

    const first = own.get(CONFIG_MAPS, { namespace, name: "there" });
    const toldMs = await told.promise;
    await own.getPath("/version");

    expect(cameMs - toldMs).toBeGreaterThan(990);
    await first;
  });

  it("leans on the server less after 429, and finds its way back", async () => {
    let inFlight = 0;
    let most = 0;
    const own = await connect(proxy.kubeconfigPath, { limits: { maxInFlight: 16 }, observe: () => inFlight-- });
    await own.getPath("/version");
    /** How many of 48 requests are there at once; none is answered before so many are, however slow they come. */
    const burst = async (atLeast: number) => {
      [inFlight, most] = [0, 0];
      const there = Promise.withResolvers<void>();
      proxy.setFaults(async () => {
        most = Math.max(most, ++inFlight);
        if (inFlight === atLeast) there.resolve();
        await there.promise;
        return { type: "delay", ms: 50 }; // time for more to come
      });
      await Promise.all(Array.from({ length: 48 }, () => own.getPath("/version")));
      return most;
    };
    expect(await burst(16)).toBe(16);

    proxy.setFaults(faultOnce(() => true, status(429, "TooManyRequests")));
    await own.getPath("/version");

    expect(await burst(8)).toBeLessThan(14);
    for (let round = 0; round < 5; round++) await burst(8);
    expect(await burst(16)).toBe(16);
  });

  it("waits out an outage of the server and says nothing of it", async () => {
    let isDown = true;
    proxy.setFaults(() => (isDown ? { type: "reset" } : undefined));

    const reads = Promise.all(Array.from({ length: 20 }, read));
    await expect.poll(() => proxy.calls.length).toBeGreaterThan(40);
    isDown = false;

    expect((await reads).map((object) => object?.metadata.name)).toEqual(Array(20).fill("there"));
  });

  it("calls a server that stays away unavailable, and waits less long for an address that never answered", async () => {
    const hasty = await connect(proxy.kubeconfigPath, { limits: { retryForMs: 600_000, firstContactMs: 1_000 } });
    proxy.setFaults(() => ({ type: "reset" }));

    // ten minutes of retries would outlast the test
    await expect(hasty.getPath("/version")).rejects.toMatchObject({
      code: "KubeUnavailable",
      message: /cannot be reached/,
    });
  });

  it("gives up a request that hangs", async () => {
    const hasty = await connect(proxy.kubeconfigPath, { limits: { requestTimeoutMs: 300 } });
    proxy.setFaults(faultOnce(method("GET"), { type: "hang" }));

    expect(await hasty.getPath("/version")).toMatchObject({ major: "1" });
  });

  it("lets go of a hanging request when the signal aborts", async () => {
    proxy.setFaults(() => ({ type: "hang" }));
    const stop = new AbortController();

    const hanging = kube.get(CONFIG_MAPS, { namespace, name: "there" }, stop.signal);
    await expect.poll(() => proxy.calls.length).toBe(1);
    stop.abort(new Error("enough"));

    await expect(hanging).rejects.toThrow("enough");
  });

  describe("that has just started, and forbids all until it is ready", () => {
    const forbidden = status(403, "Forbidden");

    it("is asked again when it is", async () => {
      const own = await connect(proxy.kubeconfigPath);
      let looks = 0;
      proxy.setFaults(({ url }) => {
        if (looks > 2) return undefined;
        if (url === "/api") looks += 1;
        return forbidden;
      });

      const [there, made] = await Promise.all([
        own.get(CONFIG_MAPS, { namespace, name: "there" }),
        own.create(CONFIG_MAPS, configMap(namespace, "after-start")),
      ]);

      expect([there?.data, made.metadata.name]).toEqual([{ color: "red" }, "after-start"]);
    });

    it("is called unavailable when it does not become ready", async () => {
      const hasty = await connect(proxy.kubeconfigPath, { limits: { retryForMs: 500 } });
      proxy.setFaults(({ url }) => (url === "/readyz" ? status(500, "InternalError") : forbidden));

      await expect(hasty.get(CONFIG_MAPS, { namespace, name: "there" })).rejects.toMatchObject({
        code: "KubeUnavailable",
        message: /cannot be reached: it is not ready yet/,
      });
    });

    it("is believed where it is /readyz that is closed", async () => {
      const own = await connect(proxy.kubeconfigPath);
      proxy.setFaults(({ url }) => (url === "/api" ? undefined : forbidden));

      await expect(own.get(CONFIG_MAPS, { namespace, name: "there" })).rejects.toMatchObject({ code: "KubeForbidden" });
    });

    it("is believed when it is ready, and asked for that again only when a connection broke", async () => {
      const own = await connect(proxy.kubeconfigPath, { clock: { ...systemClock, monotonic: () => 0 } });
      const get = () => own.get(CONFIG_MAPS, { namespace, name: "there" });
      proxy.setFaults(({ url }) => (url === "/readyz" ? undefined : forbidden));

      for (let time = 0; time < 2; time++) await expect(get()).rejects.toMatchObject({ code: "KubeForbidden" });
      const asked = proxy.calls.map(({ url }) => url.split("/").at(-1));
      const restart: Fault[] = [{ type: "reset" }, forbidden];
      proxy.setFaults(() => restart.shift());
      const there = await get();

      expect(asked).toEqual(["there", "readyz", "there", "there"]);
      expect(there?.data).toEqual({ color: "red" });
    });
  });

  it("refuses an answer over the size limit", async () => {
    const frugal = await connect(proxy.kubeconfigPath, { limits: { maxAnswerBytes: 100 } });

    await expect(frugal.get(CONFIG_MAPS, { namespace, name: "there" })).rejects.toMatchObject({
      code: "KubeRejected",
      data: { reason: "AnswerTooLarge" },
    });
    expect(proxy.calls).toHaveLength(1);
  });

  describe("writes", () => {
    it("creates once when the answer to the create was lost", async () => {
      proxy.setFaults(faultOnce(method("POST"), { type: "dropAnswer" }));

      const created = await kube.create(CONFIG_MAPS, configMap(namespace, "lost-answer"));

      const live = await cluster.get("ConfigMap", namespace, "lost-answer");
      expect(created.metadata.uid).toBe(live.metadata.uid);
      expect(proxy.calls.map((call) => call.method)).toEqual(["POST", "POST", "GET"]);
    });

    it("does not take another's object for its own", async () => {
      await cluster.create({ ...configMap(namespace, "taken"), data: { color: "blue" } });
      proxy.setFaults(faultOnce(method("POST"), { type: "dropAnswer" }));

      await expect(kube.create(CONFIG_MAPS, configMap(namespace, "taken"))).rejects.toMatchObject({
        code: "KubeExists",
      });
      expect((await cluster.get("ConfigMap", namespace, "taken")).data).toEqual({ color: "blue" });
    });

    it("does not repeat a create that the server names, for it would make a second", async () => {
      proxy.setFaults(faultOnce(method("POST"), { type: "dropAnswer" }));
      const nameless = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace, generateName: "gen-" },
      } as unknown as KubeObject;

      await expect(kube.create(CONFIG_MAPS, nameless)).rejects.toMatchObject({
        code: "KubeUnavailable",
        message: /unknown/,
      });
      expect(
        (await cluster.list("ConfigMap", namespace)).filter((object) => object.metadata.name.startsWith("gen-")),
      ).toHaveLength(1);
    });

    it("creates after 429 and after a reset before the server saw it", async () => {
      proxy.setFaults(faultOnce(method("POST"), status(429, "TooManyRequests")));
      await kube.create(CONFIG_MAPS, configMap(namespace, "after-429"));
      proxy.setFaults(faultOnce(method("POST"), { type: "reset" }));
      await kube.create(CONFIG_MAPS, configMap(namespace, "after-reset"));

      expect(await cluster.find("ConfigMap", namespace, "after-429")).toBeDefined();
      expect(await cluster.find("ConfigMap", namespace, "after-reset")).toBeDefined();
    });

    it("calls a JSON Patch whose answer was lost a conflict, for its own write moved the object on", async () => {
      const { metadata } = await cluster.create(configMap(namespace, "patched"));
      proxy.setFaults(faultOnce(method("PATCH"), { type: "dropAnswer" }));

      const test = { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion };
      const operations = [test, { op: "add", path: "/data/size", value: "1" }];
      const patched = kube.patch(CONFIG_MAPS, { namespace, name: "patched" }, { type: "json", operations });

      await expect(patched).rejects.toMatchObject({ code: "KubeConflict" });
      expect((await cluster.get("ConfigMap", namespace, "patched")).data).toEqual({ color: "red", size: "1" });
    });

    it("sends a JSON Patch without a test only once", async () => {
      await cluster.create(configMap(namespace, "untested"));
      proxy.setFaults(faultOnce(method("PATCH"), { type: "dropAnswer" }));

      const operations = [{ op: "replace", path: "/data/color", value: "blue" }];
      const patched = kube.patch(CONFIG_MAPS, { namespace, name: "untested" }, { type: "json", operations });

      await expect(patched).rejects.toMatchObject({ code: "KubeUnavailable" });
      expect(proxy.calls).toHaveLength(1);
    });

    it("knows its own deletion again when the answer was lost", async () => {
      await cluster.create(configMap(namespace, "deleted"));
      proxy.setFaults(faultOnce(method("DELETE"), { type: "dropAnswer" }));

      expect(await kube.delete(CONFIG_MAPS, { namespace, name: "deleted" })).toBe(true);
      expect(await cluster.find("ConfigMap", namespace, "deleted")).toBeUndefined();
    });
  });
});
