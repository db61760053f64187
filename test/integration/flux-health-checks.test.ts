/** What the expressions of docs/gitops/kustomization.yaml say of a RestorePlan, by the CEL of the real API server. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Standing, setCondition, setStanding } from "../../src/api/conditions.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const ROOT = new URL("../../", import.meta.url);
const cluster = usePrivateCluster();
let namespace: string;

interface Expressions {
  readonly current: string;
  readonly failed: string;
  readonly inProgress: string;
}

async function readSample(): Promise<Expressions> {
  const documents = parseAllDocuments(await readFile(new URL("docs/gitops/kustomization.yaml", ROOT), "utf8"));
  const samples = documents.map((document) => document.toJSON() as { spec: { healthCheckExprs?: Expressions[] } });
  const [found] = samples.flatMap(({ spec }) => spec.healthCheckExprs ?? []);
  if (found === undefined) throw new Error("the sample has no health checks");
  return found;
}

/** A policy that refuses every status with what Flux would make of it: it asks in this order (Flux's RFC 0009). */
function judge({ inProgress, failed, current }: Expressions): object[] {
  const here = (expression: string): string =>
    `(${expression.replaceAll(/\bstatus\.conditions/g, "object.status.conditions")})`;
  const verdict = `${here(inProgress)} ? 'InProgress' : ${here(failed)} ? 'Failed' : ${here(current)} ? 'Current' : 'InProgress'`;
  const rule = {
    apiGroups: ["holdfast.dev"],
    apiVersions: ["*"],
    operations: ["UPDATE"],
    resources: ["restoreplans/status"],
  };
  const validation = { expression: "false", messageExpression: `'it is ' + (${verdict})` };
  const spec = { matchConstraints: { resourceRules: [rule] }, validations: [validation] };
  const base = { apiVersion: "admissionregistration.k8s.io/v1", metadata: { name: "judge" } };
  return [
    { ...base, kind: "ValidatingAdmissionPolicy", spec },
    { ...base, kind: "ValidatingAdmissionPolicyBinding", spec: { policyName: "judge", validationActions: ["Deny"] } },
  ];
}

async function verdictOn(conditions: readonly object[]): Promise<string | undefined> {
  const path = `/apis/holdfast.dev/v1alpha1/namespaces/${namespace}/restoreplans/undo/status?dryRun=All`;
  const headers = { "content-type": "application/merge-patch+json" };
  const { text } = await cluster.request("PATCH", path, { status: { observedGeneration: 1, conditions } }, { headers });
  return /it is (\w+)/.exec(text)?.[1];
}

beforeAll(async () => {
  await cluster.applyYaml(await readFile(new URL("manifests/crds/holdfast.dev_restoreplans.yaml", ROOT), "utf8"));
  namespace = await cluster.createNamespace();
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "RestorePlan",
    metadata: { name: "undo", namespace },
    spec: { source: { backupName: "shop" } },
  });
  await cluster.apply(...judge(await readSample()));
  await waitUntil(async () => (await verdictOn([])) !== undefined, { what: "the policy is in force" });
});

function standing(type: Standing["type"], reason: Standing["reason"]): readonly object[] {
  return setStanding(undefined, { type, reason, message: `it stands so` }, 1, Date.now());
}

function ended(reason: "Completed" | "PartiallyFailed" | "AlreadyRun"): readonly object[] {
  const succeeded = { type: "Succeeded", status: reason !== "PartiallyFailed", reason, message: "it ended" } as const;
  return setCondition(
    setStanding(undefined, { type: "ready", reason, message: "it ended" }, 1, Date.now()),
    { ...succeeded, observedGeneration: 1 },
    Date.now(),
  );
}

describe("to a Kustomization that waits for a restore that went well", () => {
  it.each<[string, readonly object[], string]>([
    ["nobody has looked at", [], "InProgress"],
    ["at work", standing("reconciling", "Progressing"), "InProgress"],
    ["tried again", standing("failing", "LocationUnavailable"), "InProgress"],
    ["waiting for its digest", standing("ready", "AwaitingApproval"), "InProgress"],
    ["refused", standing("stalled", "OwnersRefused"), "Failed"],
    ["that failed in part", ended("PartiallyFailed"), "Failed"],
    ["that went well", ended("Completed"), "Current"],
    ["that ran before the cluster was rebuilt", ended("AlreadyRun"), "Current"],
  ])("a RestorePlan %s is what it should be", async (_state, conditions, expected) => {
    expect(await verdictOn(conditions)).toBe(expected);
  });
});
