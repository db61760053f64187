/**
 * What the outside may ask of a running Holdfast over HTTP: is it alive, is it ready, how is it. It is told what to
 * answer, and knows neither the loop nor the cluster.
 */
import fastify from "fastify";
import { Gauge, Registry } from "prom-client";
import { serveWebhooks, type WebhookReceiver } from "./webhook.ts";

/** What the answers are made from; asked anew for each request. */
export interface ServerState {
  /** True when every kind was listed once. */
  isReady(): boolean;
  /** Keys waiting and in work. */
  queueDepth(): number;
  /** Failed attempts in a row to write the record in Git; 0 when it is well. */
  recordFailures(): number;
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
  const metrics = createMetrics(state);
  app.get("/healthz", () => "ok\n");
  app.get("/readyz", (_request, reply) => {
    if (state.isReady()) return "ok\n";
    return reply.code(503).send("not every kind is listed yet\n");
  });
  app.get("/metrics", async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.metrics());
  });
  if (webhooks !== undefined) await serveWebhooks(app, webhooks);
  const url = await app.listen({ host: address.host, port: address.port });
  return { url, close: () => app.close() };
}

function createMetrics(state: ServerState): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge("holdfast_queue_depth", "Objects waiting to be reconciled or being reconciled.", state.queueDepth);
  gauge("holdfast_git_record_failures", "Failed attempts in a row to write the record in Git.", state.recordFailures);
  gauge("holdfast_ready", "1 when every kind was listed once.", () => (state.isReady() ? 1 : 0));
  return registry;
}
