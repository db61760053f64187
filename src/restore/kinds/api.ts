/** What extends the API server itself: CRDs, webhooks and APIServices. */
import { at, recordAt, recordsAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

/** Says in the schema what v1 no longer lets a CRD say for the whole kind. */
export const prepareCrd: KindHandler = (object) => {
  const spec = recordAt(object, "spec");
  if (object.apiVersion !== "apiextensions.k8s.io/v1" || spec?.preserveUnknownFields !== true) return KEEP;
  spec.preserveUnknownFields = false;
  for (const version of recordsAt(spec, "versions")) {
    const schema = recordAt(version, "schema", "openAPIV3Schema");
    if (schema !== undefined) schema["x-kubernetes-preserve-unknown-fields"] = true;
  }
  return KEEP;
};

/** v1 knows no other side effects than these two. */
export const prepareWebhookConfiguration: KindHandler = (object) => {
  if (object.apiVersion !== "admissionregistration.k8s.io/v1") return KEEP;
  for (const webhook of recordsAt(object, "webhooks")) {
    if (webhook.sideEffects !== "None" && webhook.sideEffects !== "NoneOnDryRun") webhook.sideEffects = "None";
  }
  return KEEP;
};

/** The API server makes those of its own groups and of CRDs itself. */
export const skipAutomaticApiServices: KindHandler = (object) => {
  if (at(object, "metadata", "labels", "kube-aggregator.kubernetes.io/automanaged") === undefined) return KEEP;
  return { type: "skip", reason: "AutoManaged", message: "the API server makes this APIService itself" };
};
