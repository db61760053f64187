/** Who sent a webhook: proved by a secret over the raw bytes, or by the secret itself. Compares in constant time. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export type WebhookType = "github" | "gitlab" | "gitea" | "generic";

/** What a source asks of its webhooks. */
export interface WebhookRule {
  readonly type: WebhookType;
  readonly secret: string;
}

export type WebhookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The identity of a delivery that is genuine; undefined for any other. The same delivery sent again has the same one. */
export function verifyWebhook(rule: WebhookRule, headers: WebhookHeaders, body: Buffer): string | undefined {
  if (rule.secret === "") return undefined;
  if (rule.type === "gitlab") {
    const given = first(headers["x-gitlab-token"]) ?? "";
    if (!isSame(digest(given), digest(rule.secret))) return undefined;
    // GitLab signs nothing: what it calls the event, and the bytes, tell one from another
    return `${first(headers["x-gitlab-event-uuid"]) ?? ""} ${digest(body).toString("hex")}`;
  }
  const signature = signatureOf(rule.type, headers);
  if (signature === undefined) return undefined;
  const wanted = createHmac(signature.algorithm, rule.secret).update(body).digest();
  return isSame(wanted, signature.value) ? wanted.toString("hex") : undefined;
}

interface Signature {
  readonly algorithm: "sha256" | "sha512";
  readonly value: Buffer;
}

function signatureOf(type: Exclude<WebhookType, "gitlab">, headers: WebhookHeaders): Signature | undefined {
  const { name, prefix } = HEADERS[type];
  const text = first(headers[name]) ?? first(headers[OTHER_NAMES[name] ?? ""]) ?? "";
  const [, algorithm, hex = ""] = new RegExp(`^${prefix}((?:[0-9a-f]{2}){32,64})$`, "i").exec(text) ?? [];
  if (hex === "") return undefined;
  return { algorithm: algorithm === "sha512" ? "sha512" : "sha256", value: Buffer.from(hex, "hex") };
}

const HEADERS = {
  github: { name: "x-hub-signature-256", prefix: "(sha256)=" },
  gitea: { name: "x-gitea-signature", prefix: "()" },
  generic: { name: "x-signature", prefix: "(sha256|sha512)=" },
} as const;

/** Forgejo has names of its own, and sends Gitea's as well by now. */
const OTHER_NAMES: Readonly<Record<string, string>> = { "x-gitea-signature": "x-forgejo-signature" };

function first(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

function digest(value: string | Buffer): Buffer {
  return createHash("sha256").update(value).digest();
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
