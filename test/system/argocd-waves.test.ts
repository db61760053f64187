/** A RestorePlan in an earlier wave of the very Application whose objects it restores, with the real Argo CD. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { phaseOf } from "../e2e/run-killed-fixture.ts";
import { versionOf } from "../support/history.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { APPLICATIONS, map, useArgoShop } from "./argocd-fixture.ts";

const { data: HEALTH_CHECKS } = parse(
  await readFile(new URL("../../docs/gitops/argocd-cm.yaml", import.meta.url), "utf8"),
) as { data: Record<string, string> };

const shop = useArgoShop(HEALTH_CHECKS);
const { cluster, holdfast, argo } = shop;

interface Operation {
  readonly phase?: string;
  readonly message?: string;
}

function operationOf({ status }: KubeObject): Operation {
  return (status as { operationState?: Operation } | undefined)?.operationState ?? {};
}

function inWave(wave: string, object: object): object {
  const { metadata, ...rest } = object as KubeObject;
  return { ...rest, metadata: { ...metadata, annotations: { "argocd.argoproj.io/sync-wave": wave } } };
}

it("runs while the sync waits for it, and the sync goes on behind it", async () => {
  const plan = {
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "RestorePlan",
    metadata: { name: "bring-back", namespace: holdfast.namespace },
    spec: {
      source: { backupName: shop.backup },
      existingResourcePolicy: "update",
      includedResources: ["configmaps"],
    },
  };
  const before = await shop.written("shop");
  const since = await versionOf(cluster, APPLICATIONS);
  await shop.commit({
    "shop/plan.yaml": inWave("-1", plan),
    "shop/next.yaml": inWave("1", map(shop.namespace, "next", "red")),
  });
  await argo.refresh("shop");
  const waiting = await cluster.waitFor("Application", ARGO_NAMESPACE, "shop", (app) =>
    /waiting for healthy state of .*RestorePlan/.test(operationOf(app).message ?? ""),
  );

  const { code, stderr } = await holdfast.once();
  await cluster.waitFor("ConfigMap", shop.namespace, "next");
  const synced = await cluster.waitFor(
    "Application",
    ARGO_NAMESPACE,
    "shop",
    (app) => operationOf(app).phase !== "Running",
  );

  const restored = await shop.plan();
  expect(operationOf(waiting).phase).toBe("Running");
  expect([code, phaseOf(restored), operationOf(synced).phase], stderr).toEqual([0, "Completed", "Succeeded"]);
  expect(restored.status).toMatchObject({ pausedOwners: [`Application ${ARGO_NAMESPACE}/shop`] });
  expect(await shop.history(since)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
  expect(await shop.written("shop")).toEqual(before);
});
