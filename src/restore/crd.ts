/** CustomResourceDefinitions: their objects can be written only when the server has taken them up. */
import type { GroupVersionResource, ObjectKey } from "../api/object.ts";
import { recordsAt } from "./json-path.ts";
import type { RestoreSession } from "./session.ts";

const CRDS: GroupVersionResource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  resource: "customresourcedefinitions",
};

/** Waits until the CRD is Established and its names are accepted; the text of an error when it never is. */
export async function waitForEstablished(session: RestoreSession, key: ObjectKey): Promise<string | undefined> {
  const { clock, kube } = session.deps;
  const deadline = clock.monotonic() + session.limits.resourceTimeoutMs;
  for (let pause = 20; ; pause = Math.min(pause * 2, 1_000)) {
    const crd = await kube.get(CRDS, key, session.request.signal);
    const conditions = recordsAt(crd, "status", "conditions");
    const holds = (type: string): boolean =>
      conditions.some((condition) => condition.type === type && condition.status === "True");
    if (holds("Established") && holds("NamesAccepted")) return undefined;
    if (clock.monotonic() > deadline) {
      const why = conditions
        .filter((condition) => condition.status === "False")
        .map((condition) => String(condition.message));
      return `the CRD ${key.name} is not available to use for custom resources${why.length === 0 ? "" : `: ${why.join("; ")}`}`;
    }
    await clock.sleep(pause, session.request.signal);
  }
}
