import { expect, it } from "vitest";
import type { IncomingCall } from "../../tools/testbed/http/fault.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, configMap, plan } from "./restore-support.ts";

const cluster = useTestCluster();
const client = useKubeClients();

it("asks for a few objects one by one, four at once, and finds each", async () => {
  const namespace = await cluster.createNamespace();
  const objects = Array.from({ length: 20 }, (_, index) => configMap(namespace, `few-${index}`, { a: "1" }));
  await cluster.apply(...objects.slice(0, 13));
  const proxy = await startClusterProxy(cluster);
  const kube = await client(proxy.kubeconfigPath);
  const store = await backUp(kube, objects);
  const isGet = ({ url }: IncomingCall): boolean => url.includes(`/namespaces/${namespace}/configmaps/few-`);
  const gets = () => proxy.calls.filter(isGet);
  const released = Promise.withResolvers<void>();
  let most = 0;
  proxy.setFaults(async (call) => {
    if (!isGet(call)) return undefined;
    most = Math.max(most, gets().filter(({ status }) => status === undefined).length);
    await released.promise;
    return undefined;
  });

  const planned = plan(kube, store, { spec: { existingResourcePolicy: "update" } });
  // Were more of them asked for at once, they would all be here before the first is answered.
  await expect.poll(() => gets().length).toBe(4);
  released.resolve();
  const { entries } = await planned;
  await proxy.stop();

  const actions = entries.filter(({ resource }) => resource === "configmaps").map(({ action }) => action);
  expect(actions.filter((action) => action === "create")).toHaveLength(7);
  expect(actions.filter((action) => action === "labelsOnly")).toHaveLength(13);
  expect([gets().length, most]).toEqual([20, 4]);
});
