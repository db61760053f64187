import { describe, expect, it } from "vitest";
import { CodedError } from "../errors.ts";
import { refusalOf } from "./refusal.ts";

const rejected = (message: string): CodedError =>
  new CodedError("KubeRejected", { ref: "x", status: 422, reason: "Invalid" }, message);

describe("why a write was refused", () => {
  it.each([
    ['pods "a" is forbidden: exceeded quota: few', "QuotaExceeded"],
    ['Internal error occurred: failed calling webhook "x": context deadline exceeded', "WebhookFailed"],
    ['admission webhook "x" denied the request: no', "Denied"],
    ["ValidatingAdmissionPolicy 'x' with binding 'x' denied request: no", "Denied"],
    ["spec.template: Invalid value: field is immutable", "Immutable"],
    ["spec.clusterIPs[0]: Invalid value: may not change once set", "Immutable"],
    ["updates to statefulset spec for fields other than 'replicas' are forbidden", "Immutable"],
    ["unable to create new content in namespace x because it is being terminated", "NamespaceTerminating"],
    ['User "x" cannot create resource "pods" in API group ""', "Forbidden"],
    ["cannot create resourcequotas a/b: spec.hard: Invalid value", "Refused"],
  ])("%s: %s", (message, reason) => {
    expect(refusalOf(rejected(message)).reason).toBe(reason);
  });

  it("ends with what to do, where there is something", () => {
    expect(refusalOf(rejected("exceeded quota: few")).message).toBe(
      "exceeded quota: few; raise the quota or make room, then restore again",
    );
    expect(refusalOf(rejected("no")).message).toBe("no");
  });
});
