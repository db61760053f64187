/** Why the API server did not do a write, as a name, and what a person can do about it. */
import { isCoded, messageOf } from "../errors.ts";

/** One row of the table below. */
interface Refusal {
  readonly reason: string;
  readonly advice: string;
}

/** The server has no code for these: only its words tell them apart. Nothing but the advice hangs on them. */
const BY_WORDS: readonly (readonly [RegExp, Refusal])[] = [
  [/exceeded quota/, { reason: "QuotaExceeded", advice: "raise the quota or make room" }],
  [
    /failed calling webhook/,
    { reason: "WebhookFailed", advice: "see to the webhook's backend, or take its configuration away for so long" },
  ],
  [
    /admission webhook .* denied the request|denied request:/,
    { reason: "Denied", advice: "meet what it demands by a resource modifier, or ask who runs that policy" },
  ],
  [
    /immutable|may not (?:be changed|be updated|change)|updates to .* are forbidden|cannot change roleRef/,
    { reason: "Immutable", advice: "let existingResourceOverrides recreate it, or leave it out" },
  ],
  [/is being terminated/, { reason: "NamespaceTerminating", advice: "wait until the namespace is gone" }],
  [/cannot \w+ resource "/, { reason: "Forbidden", advice: "grant Holdfast that right" }],
];

/** The reason of a failed write, and its message with the advice. */
export function refusalOf(error: unknown): { readonly reason: string; readonly message: string } {
  const told = messageOf(error);
  const found = BY_WORDS.find(([words]) => words.test(told))?.[1] ?? byCode(error);
  return found.advice === ""
    ? { reason: found.reason, message: told }
    : { reason: found.reason, message: `${told}; ${found.advice}, then restore again` };
}

function byCode(error: unknown): Refusal {
  if (isCoded(error, "KubeUnavailable")) return { reason: "Unavailable", advice: "wait until the API server answers" };
  if (isCoded(error, "KubeNotFound"))
    return { reason: "NotFound", advice: "look whether its namespace and its CRD are there" };
  return { reason: "Refused", advice: "" };
}
