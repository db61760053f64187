import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KubeClient, ListPage } from "../../src/kube/client.ts";
import { type Fault, type FaultRule, faultOnce, type IncomingCall } from "../../tools/testbed/http/fault.ts";
import { readAll, useKubeClients } from "../support/kube-client.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { builtInGroups } from "../support/served-kinds.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const CONFIG_MAPS = { group: "", version: "v1", resource: "configmaps" };
const NAMES = Array.from({ length: 50 }, (_, index) => `item-${String(index).padStart(3, "0")}`);

function namesOf(pages: readonly ListPage[]): string[] {
  return pages.flatMap((page) =>
    page.items.map(
      (item) => (JSON.parse(Buffer.from(item).toString()) as { metadata: { name: string } }).metadata.name,
    ),
  );
}

function gone(continueToken?: string): Fault {
  const metadata = continueToken === undefined ? {} : { continue: continueToken };
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata,
    status: "Failure",
    reason: "Expired",
    message: "too old",
    code: 410,
  };
  return { type: "answer", status: 410, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

const isContinued = (call: IncomingCall) => call.url.includes("continue=");

/** Fails the n-th request (from 1) that goes on with a LIST. */
function onContinuation(count: number, fault: (call: IncomingCall) => Fault): FaultRule {
  let seen = 0;
  return (call) => (isContinued(call) && ++seen === count ? fault(call) : undefined);
}

describe("LIST against a failing server", () => {
  const cluster = useTestCluster();
  const connect = useKubeClients();
  let proxy: ClusterProxy;
  let kube: KubeClient;
  let namespace: string;

  beforeAll(async () => {
    proxy = await startClusterProxy(cluster);
    kube = await connect(proxy.kubeconfigPath);
    namespace = await cluster.createNamespace();
    await Promise.all(
      NAMES.map((name) =>
        cluster.create({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { namespace, name, labels: { counted: "yes" } },
        }),
      ),
    );
  });
  beforeEach(() => {
    proxy.setFaults();
    proxy.forget();
  });
  afterAll(() => proxy.stop());

  const list = () => readAll(kube.listPages(CONFIG_MAPS, { namespace, limit: 10, labelSelector: "counted=yes" }));

  it("goes on with the token of a 410, and says so from there on", async () => {
    const token = (call: IncomingCall) => new URL(call.url, "http://x").searchParams.get("continue") ?? "";
    proxy.setFaults(onContinuation(2, (call) => gone(token(call))));

    const pages = await list();

    expect(namesOf(pages)).toEqual(NAMES);
    expect(pages.map((page) => page.inconsistent)).toEqual(pages.map((_page, index) => index >= 2));
    expect(proxy.calls.filter((call) => !isContinued(call))).toHaveLength(1);
  });

  it("starts again after a 410 without a token, delivers nothing twice and loses nothing", async () => {
    proxy.setFaults(onContinuation(3, () => gone()));

    const pages = await list();

    expect(namesOf(pages)).toEqual(NAMES);
    expect(proxy.calls.filter((call) => !isContinued(call))).toHaveLength(2);
    expect(pages.at(-1)?.inconsistent).toBe(true);
  });

  it("survives a second 410 while it passes the old pages again", async () => {
    let continuations = 0;
    proxy.setFaults((call) => (isContinued(call) && [4, 6].includes(++continuations) ? gone() : undefined));

    expect(namesOf(await list())).toEqual(NAMES);
  });

  it("delivers nothing twice where tokens tell nothing of the order", async () => {
    // an aggregated server with tokens of its own: stood in for by hiding the real ones behind numbers
    const tokens: string[] = [];
    const own = await startClusterProxy(cluster);
    const other = await connect(own.kubeconfigPath);
    let continuations = 0;
    own.setFaults(async (call) => {
      const url = new URL(call.url, "http://x");
      if (!url.pathname.endsWith("/configmaps")) return undefined;
      const number = url.searchParams.get("continue");
      if (number !== null && ++continuations === 3) return gone();
      if (number !== null) url.searchParams.set("continue", tokens[Number(number)] ?? "");
      const answer = JSON.parse((await cluster.request("GET", url.pathname + url.search)).text) as {
        metadata: { continue?: string };
        items: unknown[];
      };
      if (answer.metadata.continue) answer.metadata.continue = String(tokens.push(answer.metadata.continue) - 1);
      return {
        type: "answer",
        status: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...answer, items: answer.items.reverse() }),
      };
    });

    const pages = await readAll(other.listPages(CONFIG_MAPS, { namespace, limit: 10, labelSelector: "counted=yes" }));

    expect(namesOf(pages).toSorted()).toEqual(NAMES);
    await own.stop();
  });

  it("gives up when every continuation has expired", async () => {
    proxy.setFaults((call) => (isContinued(call) ? gone() : undefined));

    await expect(list()).rejects.toMatchObject({ code: "KubeExpired" });
  });

  it("asks for smaller pages when one takes too long", async () => {
    const timeout = {
      type: "answer",
      status: 504,
      headers: { "content-type": "application/json" },
      body: "{}",
    } as const;
    proxy.setFaults((call) => (/limit=10\b/.test(call.url) ? timeout : undefined));

    expect(namesOf(await list())).toEqual(NAMES);
    expect(proxy.calls[1]?.url).toContain("limit=2&");
  });

  it("reads a page again that was cut in the middle", async () => {
    proxy.setFaults(faultOnce(isContinued, { type: "resetAnswer", afterBytes: 1_000 }));

    expect(namesOf(await list())).toEqual(NAMES);
  });

  it("reads a page again that ends early though the connection says it is whole", async () => {
    proxy.setFaults(onContinuation(2, () => ({ type: "truncateAnswer", afterBytes: 1_000 })));

    expect(namesOf(await list())).toEqual(NAMES);
  });

  it("refuses a page that ends early every time", async () => {
    proxy.setFaults((call) => (isContinued(call) ? { type: "truncateAnswer", afterBytes: 1_000 } : undefined));

    await expect(list()).rejects.toMatchObject({ code: "KubeRejected", data: { reason: "NotAList" } });
  });

  it("ends with the failure of a later page after the pages before it", async () => {
    const forbidden = { type: "answer", status: 403, headers: {}, body: "" } as const;
    let continuations = 0;
    proxy.setFaults((call) => (isContinued(call) && ++continuations > 1 ? forbidden : undefined));
    const seen: number[] = [];

    const reading = (async () => {
      for await (const page of kube.listPages(CONFIG_MAPS, { namespace, limit: 10 })) seen.push(page.items.length);
    })();

    await expect(reading).rejects.toMatchObject({ code: "KubeForbidden" });
    expect(seen).toEqual([10, 10]);
  });

  it("falls back to unaggregated discovery and finds the same resources", async () => {
    const aggregated = await kube.discovery({ refresh: true });
    const plain = await startClusterProxy(cluster);
    // an old server does not know the aggregated form: it answers with the plain one
    plain.setFaults(async (call) => {
      if (!String(call.headers.accept).includes("APIGroupDiscoveryList")) return undefined;
      const answer = await cluster.request("GET", call.url);
      return {
        type: "answer",
        status: answer.status,
        headers: { "content-type": "application/json" },
        body: answer.text,
      };
    });
    const old = await connect(plain.kubeconfigPath);

    const unaggregated = await old.discovery();

    const builtIn = await builtInGroups(cluster); // other files' groups come and go
    const settled = (resources: typeof aggregated.resources) =>
      resources
        .filter(({ group }) => builtIn.has(group))
        .map((resource) => ({
          ...resource,
          verbs: [...resource.verbs].sort(),
          subresources: [...resource.subresources].sort(),
        }));
    expect(settled(unaggregated.resources)).toEqual(settled(aggregated.resources));
    await plain.stop();
  });

  it("tells of a version that cannot be discovered, without waiting for it", async () => {
    const plain = await startClusterProxy(cluster);
    plain.setFaults(async (call) => {
      if (call.url === "/apis/batch/v1") return { type: "answer", status: 503, headers: {}, body: "dead" };
      const answer = await cluster.request("GET", call.url);
      return {
        type: "answer",
        status: answer.status,
        headers: { "content-type": "application/json" },
        body: answer.text,
      };
    });
    const old = await connect(plain.kubeconfigPath, { limits: { firstContactMs: 500 } });

    const discovery = await old.discovery();

    const builtIn = await builtInGroups(cluster); // another file's version may vanish between two requests
    expect(discovery.failures.filter(({ groupVersion }) => builtIn.has(groupVersion.split("/")[0] ?? ""))).toEqual([
      { groupVersion: "batch/v1", message: expect.stringContaining("dead") as string },
    ]);
    expect(discovery.resources.some((resource) => resource.resource === "deployments")).toBe(true);
    expect(discovery.resources.some((resource) => resource.resource === "jobs")).toBe(false);
    await plain.stop();
  });
});
