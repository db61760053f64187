import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import { CodedError, messageOf } from "../errors.ts";
import { createConnections } from "./connections.ts";

/** Everything a request needs to reach the server and be let in. */
export interface Credentials {
  readonly origin: URL;
  /** In front of every path, without a trailing slash: servers behind a gateway have one. */
  readonly pathPrefix: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: Dispatcher;
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

/** `load` reads the kubeconfig; it is called once here and again after each 401. */
export function createCredentialSource(load: () => KubeConfig, clock: Clock): CredentialSource {
  let config = load();
  let cached: Promise<Credentials> | undefined;
  let freshUntil = 0;
  let open: { readonly material: string; readonly connections: Dispatcher } | undefined;

  async function ask(): Promise<Credentials> {
    const options: RequestOptions = {};
    const cluster = config.getCurrentCluster();
    const origin = new URL(cluster?.server ?? "");
    try {
      await config.applyToHTTPSOptions(options);
      const material = JSON.stringify([origin.href, digestible(options)]);
      if (open?.material !== material)
        open = { material, connections: await createConnections(origin, options, cluster?.proxyUrl) };
    } catch (error) {
      throw new CodedError(
        "KubeConfigInvalid",
        { path: config.getCurrentContext() },
        `cannot get credentials for the API server: ${messageOf(error)}`,
        { cause: error },
      );
    }
    return {
      origin,
      pathPrefix: origin.pathname.replace(/\/+$/, ""),
      headers: { ...basicAuth(options), ...textHeaders(options) },
      connections: open.connections,
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
    close: () => void open?.connections.destroy(),
  };
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

function basicAuth({ auth }: RequestOptions): Record<string, string> {
  return auth ? { authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {};
}
