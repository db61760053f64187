/** Adapters for those who only look: a pull request can't write, whatever it says. */
import { CodedError } from "../errors.ts";
import type { KubeClient } from "../kube/client.ts";

/** The API server, for reading. Its writes throw, and so does a command in a pod. */
export function readOnlyKube(kube: KubeClient): KubeClient {
  const refuse = async (): Promise<never> => {
    throw new CodedError("Internal", { detail: "readOnlyKube" }, "a plan tried to write to the cluster");
  };
  return {
    ...kube,
    create: refuse,
    createBytes: refuse,
    patch: refuse,
    patchBytes: refuse,
    replace: refuse,
    delete: refuse,
    exec: refuse,
  };
}
