import http from "node:http";
import https, { type AgentOptions, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { Clock } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";

/** Everything a request needs to reach the server and be let in. */
export interface Credentials {
  readonly origin: URL;
  /** In front of every path, without a trailing slash: servers behind a gateway have one. */
  readonly pathPrefix: string;
  readonly connection: Readonly<RequestOptions>;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: http.Agent;
}

/** Keeps the credentials fresh: token files are read again, expired exec credentials are asked for again. */
export interface CredentialSource {
  /** What to use now. Asks client-node at most every 30 s: it reads files and may start a plugin. */
  current(): Promise<Credentials>;
  /** After a 401 to `stale`: reads the kubeconfig anew, once for all requests that were refused together. */
  renew(stale: Credentials): Promise<Credentials>;
  /** The KubeConfig in use, for client-node's own exec stream. */
  kubeConfig(): KubeConfig;
  /** Closes idle connections. */
  close(): void;
}

const FRESH_MS = 30_000;
const IDLE_SOCKET_MS = 45_000;

/** `load` reads the kubeconfig; it is called once here and again after each 401. */
export function createCredentialSource(load: () => KubeConfig, clock: Clock): CredentialSource {
  let config = load();
  let cached: Promise<Credentials> | undefined;
  let freshUntil = 0;
  let agent: { readonly material: string; readonly agent: http.Agent } | undefined;

  async function ask(): Promise<Credentials> {
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new CodedError(
        "KubeConfigInvalid",
        { path: config.getCurrentContext() },
        `cannot get credentials for the API server: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    const cluster = config.getCurrentCluster();
    const origin = new URL(cluster?.server ?? "");
    const material = JSON.stringify([origin.href, digestible(options)]);
    if (agent?.material !== material) {
      agent = { material, agent: cluster?.proxyUrl ? (options.agent as http.Agent) : createAgent(origin, options) };
    }
    return {
      origin,
      pathPrefix: origin.pathname.replace(/\/+$/, ""),
      connection: {
        host: origin.hostname.replace(/^\[|\]$/g, ""),
        port: origin.port,
        ...(options.auth ? { auth: options.auth } : {}),
      },
      headers: textHeaders(options),
      agent: agent.agent,
    };
  }

  function current(): Promise<Credentials> {
    if (cached === undefined || clock.monotonic() >= freshUntil) {
      freshUntil = clock.monotonic() + FRESH_MS;
      cached = ask();
      cached.catch(() => {
        freshUntil = 0; // a failure is asked for again by the next request
      });
    }
    return cached;
  }

  return {
    current,
    async renew(stale) {
      if ((await current()) === stale) {
        config = load();
        freshUntil = 0;
      }
      return current();
    },
    kubeConfig: () => config,
    close: () => agent?.agent.destroy(),
  };
}

function createAgent(origin: URL, options: RequestOptions): http.Agent {
  const common: AgentOptions = {
    keepAlive: true,
    keepAliveMsecs: 30_000,
    timeout: IDLE_SOCKET_MS,
    scheduling: "lifo",
  };
  if (origin.protocol === "http:") return new http.Agent(common);
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return new https.Agent({
    ...common,
    ...Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
  });
}

/** The TLS material as text, to notice when a rotated certificate needs new connections. */
function digestible(options: RequestOptions): unknown {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  return [ca, cert, key, pfx, passphrase, rejectUnauthorized, servername].map((part) =>
    Buffer.isBuffer(part) ? part.toString("latin1") : part,
  );
}

function textHeaders(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  return headers;
}
