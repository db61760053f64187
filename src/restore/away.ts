import { isCoded } from "../errors.ts";
import type { RestoreSession } from "./session.ts";

const ANSWERS_WITHIN_MS = 5_000;

/**
 * Whether a failure means that the API server is gone. One whose own `/version` answers is there, and what failed is of
 * its kind alone: a dead aggregated API, a dead conversion webhook.
 */
export async function isAway({ deps, request: { signal } }: RestoreSession, error: unknown): Promise<boolean> {
  if (!isCoded(error, "KubeUnavailable")) return false;
  const soon = AbortSignal.timeout(ANSWERS_WITHIN_MS);
  try {
    await deps.kube.getPath("/version", signal === undefined ? soon : AbortSignal.any([signal, soon]));
    return false;
  } catch {
    return true;
  }
}

/** Whether one resource alone can't be looked at: it is an error of its own, and the others go on. */
export async function isOfOneResource(session: RestoreSession, error: unknown): Promise<boolean> {
  if (session.request.signal?.aborted === true) return false;
  const isRefusal =
    isCoded(error, "KubeForbidden") || isCoded(error, "KubeRejected") || isCoded(error, "KubeUnavailable");
  return isRefusal && !(await isAway(session, error));
}
