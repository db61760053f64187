import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { callApi, openApi } from "../../tools/testbed/control-plane/api-call.ts";
import { type Fault, faultOnce } from "../../tools/testbed/http/fault.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

describe("a proxy in front of the API server", () => {
  const cluster = useTestCluster();
  let proxy: ClusterProxy;
  let namespace = "";
  beforeAll(async () => {
    proxy = await startClusterProxy(cluster, { keepBodies: true });
    namespace = await cluster.createNamespace();
  });
  afterAll(() => proxy.stop());
  beforeEach(() => {
    proxy.forget();
    proxy.setFaults();
  });

  const through = () => ({ ...cluster.connection, server: proxy.url });
  const configMap = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
  const post = (name: string) =>
    callApi(through(), "POST", `/api/v1/namespaces/${namespace}/configmaps`, configMap(name));
  const failFirst = (fault: Fault) => proxy.setFaults(faultOnce(() => true, fault));

  it("forwards and records", async () => {
    const answer = await post("plain");

    expect(answer.status).toBe(201);
    const url = `/api/v1/namespaces/${namespace}/configmaps`;
    const requestBody = JSON.stringify(configMap("plain"));
    expect(proxy.calls).toMatchObject([
      { method: "POST", url, status: 201, requestBytes: requestBody.length, requestBody },
    ]);
  });

  it("answers in the API server's place", async () => {
    failFirst({ type: "answer", status: 429, headers: { "retry-after": "1" }, body: "{}" });

    const answer = await post("answered");

    expect([answer.status, answer.headers["retry-after"]]).toEqual([429, "1"]);
    expect(await cluster.find("ConfigMap", namespace, "answered")).toBeUndefined();
  });

  it("cuts the connection before the API server hears of the request", async () => {
    failFirst({ type: "reset" });

    await expect(post("cut")).rejects.toThrow();

    expect(await cluster.find("ConfigMap", namespace, "cut")).toBeUndefined();
  });

  it("forwards the request and drops the answer", async () => {
    failFirst({ type: "dropAnswer" });

    await expect(post("dropped")).rejects.toThrow();

    expect(await cluster.find("ConfigMap", namespace, "dropped")).toBeDefined();
    expect(proxy.calls).toMatchObject([{ status: undefined }]);
  });

  it("cuts or quietly ends an answer after so many bytes", async () => {
    failFirst({ type: "resetAnswer", afterBytes: 10 });
    await expect(callApi(through(), "GET", "/version")).rejects.toThrow();

    failFirst({ type: "truncateAnswer", afterBytes: 10 });
    const truncated = await callApi(through(), "GET", "/version");

    expect([truncated.status, truncated.text.length]).toEqual([200, 10]);
  });

  it("delays, then lets the next fault happen", async () => {
    failFirst({ type: "delay", ms: 200, next: { type: "answer", status: 503 } });
    const startedAt = Date.now();

    const answer = await callApi(through(), "GET", "/version");

    expect(answer.status).toBe(503);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(195);
  });

  it("passes a watch's events on as they come", async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps?watch=1&fieldSelector=metadata.name%3Dwatched`;
    const watching = new AbortController();
    const events = await openApi(through(), "GET", path, undefined, { signal: watching.signal });
    const lines = createInterface({ input: events })[Symbol.asyncIterator]();

    await post("watched");
    const { value } = await lines.next();

    expect(JSON.parse(value as string)).toMatchObject({ type: "ADDED", object: { metadata: { name: "watched" } } });
    events.on("error", () => undefined);
    watching.abort();
  });

  it("serves kubeconfig clients that verify its certificate", async () => {
    const { readFile } = await import("node:fs/promises");

    const text = await readFile(proxy.kubeconfigPath, "utf8");

    expect(text).toContain(proxy.url);
    expect(text).toContain("certificate-authority-data");
  });
});
