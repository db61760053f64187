/**
 * Values of Secrets as a plan may tell them: digests under a key that neither Git nor a pull request holds. Without a
 * key, whoever reads the plan, or only its digest, could try passwords against it.
 */
import { createHmac } from "node:crypto";
import { canonicalJson } from "../api/json.ts";
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { PlanEntry } from "../report/plan.ts";
import { redactEntry } from "../report/plan-redact.ts";
import { NAMESPACES } from "./namespaces.ts";

/** Hex digits: enough that two values never look alike in the digest of a plan. */
const SHOWN = 32;

/** Makes entries of Secrets fit to be shown; all others come back as they are. Reads one object, at the first Secret. */
export function createSecretRedactor(
  kube: KubeClient,
  signal: AbortSignal | undefined,
): (entry: PlanEntry) => PlanEntry | Promise<PlanEntry> {
  let key: Promise<string> | undefined;
  const redacted = async (entry: PlanEntry): Promise<PlanEntry> => {
    key ??= keyOf(kube, signal);
    const secret = await key;
    const digest = (value: unknown): string =>
      `hmac:${createHmac("sha256", secret).update(canonicalJson(value)).digest("hex").slice(0, SHOWN)}`;
    const { liveContent } = entry;
    return {
      ...redactEntry(entry, digest),
      ...(liveContent === undefined ? {} : { liveContent: digest(liveContent) }),
    };
  };
  return (entry) => {
    const isOpen = entry.resource === "secrets" && (entry.changes !== undefined || entry.liveContent !== undefined);
    return isOpen ? redacted(entry) : entry;
  };
}

/**
 * The uid of the namespace `default`: random, the same for everyone who plans against this cluster, and in no record.
 * (That of `kube-system` is in Git.)
 */
async function keyOf(kube: KubeClient, signal: AbortSignal | undefined): Promise<string> {
  const uid = (await kube.get(NAMESPACES, { namespace: "", name: "default" }, signal))?.metadata.uid;
  if (uid !== undefined) return uid;
  throw new CodedError(
    "KubeNotFound",
    { ref: "Namespace default" },
    "the cluster has no namespace `default`, whose uid keys the digests of Secrets in a plan: create it",
  );
}
