import { afterAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { createKubeClient, type KubeClientOptions } from "../../src/kube/create-client.ts";
import { silentLogger } from "../../src/log.ts";

/** Builds clients as the product does, and closes them after the test file. */
export function useKubeClients(): (
  kubeconfigPath: string,
  options?: Partial<KubeClientOptions>,
) => Promise<KubeClient> {
  const clients: KubeClient[] = [];
  afterAll(() => {
    for (const client of clients) client.close();
  });
  return async (kubeconfigPath, options = {}) => {
    const client = await createKubeClient({ kubeconfigPath, clock: systemClock, log: silentLogger, ...options });
    clients.push(client);
    return client;
  };
}

/** Everything an async iterable gives. */
export async function readAll<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
