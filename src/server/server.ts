/**
 * What the outside may ask of a running Holdfast over HTTP: is it alive, is it ready, how is it. It is told what to
 * answer, and knows neither the loop nor the cluster.
 */
import fastify from "fastify";
import type { MetricsText } from "../report/metrics.ts";
import { serveWebhooks, type WebhookReceiver } from "./webhook.ts";

/** What the answers are made from; asked anew for each request. */
export interface ServerState {
  /** True when every kind was listed once, or another process leads. */
  isReady(): boolean;
  metrics(): Promise<MetricsText>;
}

export interface HealthServer {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Listens on `host:port` (port 0: a free one) with `/healthz`, `/readyz`, `/metrics` and, where they are taken, webhooks. */
export async function startServer(
  address: { readonly host: string; readonly port: number },
  state: ServerState,
  webhooks?: WebhookReceiver,
): Promise<HealthServer> {
  const app = fastify({ logger: false, bodyLimit: 1024 });
  app.get("/healthz", () => "ok\n");
  app.get("/readyz", (_request, reply) => {
    if (state.isReady()) return "ok\n";
    return reply.code(503).send("not every kind is listed yet\n");
  });
  app.get("/metrics", async (_request, reply) => {
    const { contentType, text } = await state.metrics();
    return reply.type(contentType).send(text);
  });
  if (webhooks !== undefined) await serveWebhooks(app, webhooks);
  const url = await app.listen({ host: address.host, port: address.port });
  return { url, close: () => app.close() };
}
