import { request } from "node:http";
import { text } from "node:stream/consumers";
import { inject } from "vitest";
import type { SharedServerName, SharedServers } from "./shared-servers.ts";

/** Asks vitest's main process for a shared server; resolves once it is ready. */
export async function demandServer<N extends SharedServerName>(name: N): Promise<SharedServers[N]> {
  const url = inject("serverPoolUrl");
  const { promise, resolve, reject } = Promise.withResolvers<SharedServers[N]>();
  // Not fetch: it gives up after five minutes, and the first start may have to build the servers.
  const asking = request(`${url}/${name}`, { method: "POST" }, (response) => {
    text(response).then((body) => {
      if (response.statusCode === 200) resolve(JSON.parse(body) as SharedServers[N]);
      else reject(new Error(body));
    }, reject);
  });
  asking.on("error", reject).end();
  return await promise;
}
