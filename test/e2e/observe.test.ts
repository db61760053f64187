import { spawn } from "node:child_process";
import { once } from "node:events";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import { FluxStandIn, installFlux, kustomization } from "../support/flux-stand-in.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { conditionsOf } from "./owners-fixture.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { phaseOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });

const FLUX = "flux";

let shop: string;

/** Flux applies what Git holds, and Holdfast runs it: first a backup, then a restore that a frozen object refuses. */
beforeAll(async () => {
  const { namespace, bucket } = holdfast;
  await installFlux(cluster);
  await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: FLUX } });
  await cluster.create(kustomization(FLUX, "policies", { wait: true }));
  shop = await cluster.createNamespace();
  await cluster.create(map("blue"));
  const policies = [locationYaml(namespace, bucket), policyYaml(namespace, "shop", shop)];
  await deliver(policies);
  const backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  await cluster.delete("ConfigMap", shop, "web");
  await cluster.create({ ...map("red"), immutable: true });
  const names = "  includedResources: [configmaps]\n  includedNames: [web]\n";
  await deliver([
    ...policies,
    restoreYaml(namespace, "went-wrong", backup, names),
    restoreYaml(namespace, "of-nothing", "there-is-none"),
  ]);
});

function map(value: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web", namespace: shop }, data: { colour: value } };
}

async function deliver(documents: readonly string[]): Promise<void> {
  const files = Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
  await holdfast.commit(files);
  const manifests = documents.map((text) => parse(text) as object);
  await new FluxStandIn(cluster, [{ namespace: FLUX, name: "policies", manifests }]).reconcile();
  await holdfast.once({}, ["--observe"]);
}

/** Nothing is at work any more, so that one look tells. */
async function kubectlWait(kind: string, name: string, condition: string): Promise<number | null> {
  const args = ["wait", `--for=condition=${condition}`, "--timeout=0", "-n", holdfast.namespace, `${kind}/${name}`];
  const command = spawn(await findBinary("kubectl"), [...args, "--kubeconfig", cluster.kubeconfigPath]);
  const [code] = (await once(command, "exit")) as [number | null];
  return code;
}

async function plan(name: string): Promise<KubeObject> {
  return await cluster.get("RestorePlan", holdfast.namespace, name);
}

describe("what Flux applies and Holdfast runs", () => {
  it("is Ready for kubectl wait when it is accepted and works", async () => {
    expect(await kubectlWait("backupstoragelocation", "main", "Ready")).toBe(0);
    expect(await kubectlWait("backuppolicy", "shop", "Ready")).toBe(0);
  });

  it("is Ready when a restore has ended, however it went, so that an old failure holds nothing up", async () => {
    const failed = await plan("went-wrong");

    expect([phaseOf(failed), conditionsOf(failed).Succeeded?.status]).toEqual(["PartiallyFailed", "False"]);
    expect([conditionsOf(failed).Stalled, conditionsOf(failed).Reconciling]).toEqual([undefined, undefined]);
    expect(await kubectlWait("restoreplan", "went-wrong", "Ready")).toBe(0);
    expect(await kubectlWait("restoreplan", "went-wrong", "Succeeded")).toBe(1);
  });

  it("is Stalled, and not Ready, when only a new commit helps", async () => {
    expect(conditionsOf(await plan("of-nothing")).Stalled?.status).toBe("True");
    expect(await kubectlWait("restoreplan", "of-nothing", "Ready")).toBe(1);
    expect(await kubectlWait("restoreplan", "of-nothing", "Stalled")).toBe(0);
  });

  it("keeps Flux's marks, and is written by nobody but Flux and Holdfast's status", async () => {
    const { metadata } = await cluster.get("BackupPolicy", holdfast.namespace, "shop");
    const managers = (metadata as { managedFields?: { manager: string; subresource?: string }[] }).managedFields ?? [];

    expect(metadata.labels).toMatchObject({ "kustomize.toolkit.fluxcd.io/name": "policies" });
    expect(managers.map(({ manager, subresource = "" }) => `${manager} ${subresource}`.trim()).sort()).toEqual([
      "holdfast status",
      "kustomize-controller",
    ]);
  });
});
