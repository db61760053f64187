/**
 * Webhooks of forges. A genuine one hastens the next look at its source, and nothing else: what it says is not read.
 */
import type { FastifyInstance } from "fastify";
import { verifyWebhook, type WebhookRule } from "./webhook-signature.ts";

/** Whose webhooks are taken, and what they hasten. */
export interface WebhookReceiver {
  /** What the source asks for; undefined where there is no such source, or it takes none. */
  ruleOf(namespace: string, name: string): Promise<WebhookRule | undefined>;
  hasten(namespace: string, name: string): void;
  /** Monotonic ms. */
  monotonic(): number;
}

/** GitHub sends up to 25 MB; a push with so many commits is found by the next poll. */
const MAX_BYTES = 4 * 1024 * 1024;
/** How long a delivery is remembered, and how many are. */
const REPLAY_MS = 10 * 60_000;
const REMEMBERED = 1000;
/** So that an unknown source takes as long as a wrong secret. */
const NOBODY: WebhookRule = { type: "generic", secret: "nobody knows" };

/** Adds `POST /hooks/<namespace>/<source>`. */
export async function serveWebhooks(app: FastifyInstance, receiver: WebhookReceiver): Promise<void> {
  const seen = new Map<string, number>();

  const isReplay = (delivery: string): boolean => {
    const nowMs = receiver.monotonic();
    for (const [id, atMs] of seen) if (nowMs - atMs > REPLAY_MS || seen.size > REMEMBERED) seen.delete(id);
    if (seen.has(delivery)) return true;
    seen.set(delivery, nowMs);
    return false;
  };

  // a scope of its own: only here is a body taken, and whatever its type says, it stays bytes
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: MAX_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    scope.post<{ Params: { namespace: string; name: string } }>(
      "/hooks/:namespace/:name",
      { bodyLimit: MAX_BYTES },
      async ({ params: { namespace, name }, headers, body }, reply) => {
        const rule = await receiver.ruleOf(namespace, name).catch(() => undefined);
        const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
        const delivery = verifyWebhook(rule ?? NOBODY, headers, bytes);
        if (rule === undefined || delivery === undefined)
          return reply.code(401).send("not signed as this source asks\n");
        if (isReplay(`${namespace}/${name} ${delivery}`)) return reply.code(200).send("seen before\n");
        receiver.hasten(namespace, name);
        return reply.code(202).send("the next look comes at once\n");
      },
    );
  });
}
