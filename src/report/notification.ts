/** What is posted to a webhook when something happened. Pure. */
import { createHmac } from "node:crypto";
import { sha256 } from "../api/digest.ts";
import { HOLDFAST_VERSION } from "../api/version.ts";
import type { Occurrence } from "./occurrences.ts";

export const NOTIFICATION_FORMATS = ["json", "slack"] as const;
export type NotificationFormat = (typeof NOTIFICATION_FORMATS)[number];

/** The receiver's copy of what happened: the body of the format `json`. */
export interface Notification {
  /** The same for every try to deliver it. */
  readonly id: string;
  readonly cluster: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly type: Occurrence["type"];
  readonly reason: string;
  readonly message: string;
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string; readonly uid?: string };
}

/** One occurrence as a notification of this installation. */
export function notificationOf(
  { object, type, reason, message }: Occurrence,
  cluster: string,
  time: string,
): Notification {
  const { name, namespace = "", uid, resourceVersion } = object.metadata;
  return {
    id: sha256(`${cluster} ${object.kind} ${namespace}/${name} ${uid} ${resourceVersion} ${reason}`).slice(0, 32),
    cluster,
    time,
    type,
    reason,
    message,
    object: { kind: object.kind, namespace, name, ...(uid === undefined ? {} : { uid }) },
  };
}

/** The bytes of the request in one format. */
export function notificationBody(notification: Notification, format: NotificationFormat): string {
  return JSON.stringify(format === "slack" ? slackMessage(notification) : notification);
}

/** Slack's incoming webhooks, and what takes the same JSON: Mattermost, Rocket.Chat, Discord's /slack. */
function slackMessage({ cluster, type, reason, message, object }: Notification): object {
  const mark = type === "Warning" ? ":red_circle:" : ":white_check_mark:";
  const what = `${object.kind} ${object.namespace}/${object.name}`;
  return { text: `${mark} *${slackText(`${cluster}: ${reason}`)}*\n${slackText(what)}\n${slackText(message)}` };
}

/** Slack's own three; nothing else is markup that could hide or link something. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The request's headers; `X-Signature: sha256=<hex>` is the HMAC of the very bytes of the body, where there is a key. */
export function notificationHeaders(id: string, body: string, key: string | undefined): Record<string, string> {
  const signature = key === undefined ? undefined : createHmac("sha256", key).update(body, "utf8").digest("hex");
  return {
    "content-type": "application/json",
    "user-agent": `holdfast/${HOLDFAST_VERSION}`,
    "x-holdfast-delivery": id,
    ...(signature === undefined ? {} : { "x-signature": `sha256=${signature}` }),
  };
}
