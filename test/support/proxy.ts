/**
 * A reverse proxy between the product and a real server: records every request, and makes some of them fail. It holds
 * no body, so it can stand in front of a backup of any size.
 */
import { randomUUID } from "node:crypto";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { writeKubeconfig } from "../../tools/testbed/control-plane/kubeconfig.ts";
import type { FaultRule, RecordedCall } from "../../tools/testbed/http/fault.ts";
import type { Reply } from "../../tools/testbed/http/faulty-exchange.ts";
import { RecordingServer, type TlsIdentity } from "../../tools/testbed/http/recording-server.ts";
import { tunnelUpgrades } from "./proxy-upgrade.ts";
import type { TestCluster } from "./test-cluster.ts";

export interface ProxyOptions {
  /** The certificate authority of an https target (PEM). */
  readonly ca?: string;
  /** Listens with this identity; plain HTTP without it. */
  readonly tls?: TlsIdentity;
  /** Keeps the text of request bodies in `calls`. */
  readonly keepBodies?: boolean;
  readonly faults?: FaultRule;
}

/** A running proxy. */
export interface Proxy {
  readonly url: string;
  /** All requests so far, in the order of arrival. */
  readonly calls: readonly RecordedCall[];
  /** Makes requests fail from now on; without a rule they work again. */
  setFaults(rule?: FaultRule): void;
  /** Forgets the requests so far. */
  forget(): void;
  /** Cuts all connections. */
  stop(): Promise<void>;
}

/** Starts a proxy in front of a server such as `http://127.0.0.1:9000`. */
export async function startProxy(target: string, options: ProxyOptions = {}): Promise<Proxy> {
  const server = new RecordingServer({
    upstream: (request, body, reply) => forward({ target, ca: options.ca }, request, body, reply),
    ...(options.tls !== undefined && { tls: options.tls }),
    keepBodies: options.keepBodies === true,
  });
  server.setFaults(options.faults);
  tunnelUpgrades(server, { target, ca: options.ca });
  await server.listen();
  return {
    url: server.url,
    calls: server.calls,
    setFaults: (rule) => server.setFaults(rule),
    forget: () => server.calls.splice(0),
    stop: () => server.stop(),
  };
}

/** A proxy in front of an API server. */
export interface ClusterProxy extends Proxy {
  /** As the cluster's own, but it leads through the proxy. */
  readonly kubeconfigPath: string;
}

/** Starts a proxy in front of a cluster's API server, with the API server's certificate, so clients verify it as ever. */
export async function startClusterProxy(
  cluster: TestCluster,
  options: Omit<ProxyOptions, "ca" | "tls"> = {},
): Promise<ClusterProxy> {
  const { connection } = cluster;
  const proxy = await startProxy(connection.server, { ...options, ca: connection.ca, tls: connection.tls });
  const kubeconfigPath = join(dirname(connection.kubeconfigPath), `kubeconfig-${randomUUID()}`);
  await writeKubeconfig(kubeconfigPath, { ...connection, server: proxy.url });
  return { ...proxy, kubeconfigPath };
}

/** Where a proxy leads. */
export interface ProxyTarget {
  readonly target: string;
  readonly ca: string | undefined;
}

// Between two hops only; `host` stays, for S3 signatures cover it.
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "upgrade", "expect", "proxy-connection"];

async function forward(
  { target, ca }: ProxyTarget,
  request: IncomingMessage,
  body: Readable,
  reply: Reply,
): Promise<void> {
  const url = new URL(request.url ?? "/", target);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
  const answered = Promise.withResolvers<IncomingMessage>();
  const options: RequestOptions & { ca?: string } = {
    method: request.method,
    headers,
    ...(ca !== undefined && { ca }),
  };
  const sending = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options, answered.resolve);
  sending.on("error", answered.reject);
  request.on("close", () => {
    if (!request.complete) sending.destroy(); // the client gave up in the middle of its body
  });
  pipeline(body, sending).catch(() => undefined); // a broken body is a broken request: the answer's promise says so
  const response = await answered.promise;
  const { connection: _c, "transfer-encoding": _t, "keep-alive": _k, ...rest } = response.headers;
  await pipeline(response, reply(response.statusCode ?? 502, rest));
}
