import type { RequestOptions } from "node:https";
import { createRequire } from "node:module";
import { createSecureContext } from "node:tls";
import type { Dispatcher, Pool as PoolClass } from "undici";

/** Alone: the whole of undici takes a tenth of a second in every process. */
const Pool = createRequire(import.meta.url)("undici/lib/dispatcher/pool.js") as typeof PoolClass;

/** Longer than most pauses between two looks at the cluster; kube-apiserver keeps idle connections for longer. */
const IDLE_MS = 45_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Of every connection. Time-outs of requests are the transport's, from when they are asked for. */
const CONNECTION = {
  allowH2: false, // one connection for everything would make 64 writes wait for one socket
  pipelining: 1,
  keepAliveTimeout: IDLE_MS,
  headersTimeout: 0,
  bodyTimeout: 0,
} as const;

/**
 * Connections to one API server with one set of TLS material, as many as requests are under way, kept while idle.
 * `proxyUrl` is the kubeconfig's `proxy-url`: http, https or socks5.
 */
export async function createConnections(
  origin: URL,
  options: RequestOptions,
  proxyUrl: string | undefined,
): Promise<Dispatcher> {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const tls = {
    timeout: CONNECT_TIMEOUT_MS,
    keepAliveInitialDelay: 30_000,
    ...given({ rejectUnauthorized, servername }),
    // Once for all connections: each would parse the certificates again, and keep them.
    ...(origin.protocol === "http:"
      ? {}
      : { secureContext: createSecureContext(given({ ca, cert, key, pfx, passphrase })) }),
  };
  if (proxyUrl === undefined) return new Pool(origin.origin, { ...CONNECTION, connect: tls });
  const { ProxyAgent } = await import("undici");
  return new ProxyAgent({ ...CONNECTION, uri: proxyUrl, requestTls: tls });
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Only those fields that are set: the TLS functions take an undefined one for a wrong one. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
