/** A restore beside the real Argo CD, which puts back what Git says within a second. */
import { describe, expect, it } from "vitest";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { phaseOf, runIntoKill } from "../e2e/run-killed-fixture.ts";
import { versionOf } from "../support/history.ts";
import { application } from "../support/use-argocd.ts";
import { APPLICATIONS, applicationsSince, colourOf, map, SKIP, useArgoShop } from "./argocd-fixture.ts";

const shop = useArgoShop();
const { cluster, holdfast, argo } = shop;

async function changeSpec(spec: object): Promise<void> {
  await cluster.patch("Application", ARGO_NAMESPACE, "shop", { spec });
}

/** Argo CD waits in a sync for an Ingress that has no address yet, where something comes in a later wave. */
function ingress(): object {
  const backend = { service: { name: "web", port: { number: 80 } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "door", namespace: shop.namespace, annotations: { "argocd.argoproj.io/sync-wave": "-1" } },
    spec: { defaultBackend: backend },
  };
}

const OPEN = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };

/** An Application that nobody holds, in a namespace of its own. */
async function createOther(): Promise<string> {
  const namespace = await cluster.createNamespace();
  const grown = await shop.commit({ "other/web.yaml": map(namespace, "web", "red") });
  await cluster.create(application("other", { repoUrl: shop.fleet.url, path: "other", namespace }));
  await argo.synced("other", grown);
  await argo.synced("shop", grown);
  return namespace;
}

/** Argo CD is alive and heals what nobody holds, three times over: a clock that ticks as fast as it does. */
async function letHeal(namespace: string): Promise<void> {
  for (const drift of ["1", "2", "3"]) {
    await cluster.patch("ConfigMap", namespace, "web", { data: { colour: drift } });
    await shop.waitForColour("red", namespace);
  }
}

function phaseOfSync(status: unknown): string | undefined {
  return (status as { operationState?: { phase?: string } } | undefined)?.operationState?.phase;
}

function syncOf(status: unknown): string | undefined {
  return (status as { sync?: { status?: string } } | undefined)?.sync?.status;
}

describe("a restore of what the real Argo CD applies", () => {
  it("is undone at once where nobody holds Argo CD still", async () => {
    await shop.declareRestore("  gitOpsOwners: Ignore\n");
    const since = await versionOf(cluster, APPLICATIONS);

    await holdfast.once();
    await shop.waitForColour("red");

    expect(phaseOf(await shop.plan())).toBe("Completed");
    expect(await shop.history(since)).toEqual(["web blue", "web red"]);
  });

  it("is not undone while it runs, and the Application is as it was and goes on", async () => {
    const before = await shop.written("shop");
    await shop.declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code, stderr } = await holdfast.once();
    await shop.waitForColour("red");
    await cluster.waitUntilGone("ConfigMap", shop.namespace, "old");

    const restored = await shop.plan();
    expect([code, stderr.includes("owners go on"), phaseOf(restored)], stderr).toEqual([0, true, "Completed"]);
    expect(restored.status).toMatchObject({ pausedOwners: [`Application ${ARGO_NAMESPACE}/shop`] });
    expect(await shop.history(since)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
    expect(await shop.written("shop")).toEqual(before);
    await argo.synced("shop", await shop.commit({ "shop/web.yaml": map(shop.namespace, "web", "green") }));
    await shop.waitForColour("green");
  });

  it("stands for as long as the owner is held, through the death of the process, until the next one lets go", async () => {
    const elsewhere = await createOther();
    const before = await shop.written("shop");
    await shop.declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const killed = await runIntoKill(cluster, holdfast, { mode: "once", step: "restore-objects-written" });
    await letHeal(elsewhere); // time enough to undo the restore
    const held = await cluster.get("Application", ARGO_NAMESPACE, "shop");
    const standing = await Promise.all(["web", "old"].map((name) => cluster.get("ConfigMap", shop.namespace, name)));
    const next = await holdfast.once();
    await shop.waitForColour("red");
    await cluster.waitUntilGone("ConfigMap", shop.namespace, "old");

    expect([killed.signal, next.code], killed.stderr + next.stderr).toEqual(["SIGKILL", 0]);
    expect(held.metadata.annotations).toMatchObject({ [SKIP]: "true", "holdfast.dev/paused": expect.any(String) });
    expect(standing.map(colourOf)).toEqual(["blue", "blue"]);
    expect(phaseOf(await shop.plan())).toBe("Completed");
    expect(await shop.history(since)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
    expect(await shop.written("shop")).toEqual(before);
  });

  it("begins when a sync that is at work has ended", async () => {
    const elsewhere = await createOther();
    await shop.commit({ "shop/door.yaml": ingress(), "shop/web.yaml": map(shop.namespace, "web", "green") });
    await argo.refresh("shop");
    await cluster.waitFor("Application", ARGO_NAMESPACE, "shop", ({ status }) => phaseOfSync(status) === "Running");
    await shop.declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const running = holdfast.once();
    await waitUntil(async () => Object.keys(await holdfast.record()).some((path) => path.endsWith("/owners.json")), {
      what: "Holdfast has written down whom it will pause",
    });
    await letHeal(elsewhere); // time enough to pause it
    await cluster.patch("Ingress", shop.namespace, "door", OPEN, { subresource: "status" });
    const { code, stderr } = await running;

    expect([code, phaseOf(await shop.plan())], stderr).toEqual([0, "Completed"]);
    const states = (await applicationsSince(cluster, since)).map(({ object }) => object);
    const paused = states.find(({ metadata }) => metadata.annotations?.[SKIP] === "true");
    expect(phaseOfSync(paused?.status)).toBe("Succeeded");
  });

  it("stays without selfHeal, and is no drift once Git says the same, the labels of the restore neither", async () => {
    await changeSpec({ syncPolicy: { automated: { prune: true, selfHeal: false } } });
    await shop.declareRestore();

    await holdfast.once();
    await cluster.waitFor("Application", ARGO_NAMESPACE, "shop", ({ status }) => syncOf(status) === "OutOfSync");
    const restored = await cluster.get("ConfigMap", shop.namespace, "web");
    await argo.synced("shop", await shop.commit({ "shop/web.yaml": map(shop.namespace, "web", "blue") }));

    expect(colourOf(restored)).toBe("blue");
    const { metadata } = await cluster.get("ConfigMap", shop.namespace, "web");
    expect(metadata.labels).toMatchObject({ "velero.io/backup-name": shop.backup });
  });

  it("stays for good in fields that Argo CD was told to ignore", async () => {
    await changeSpec({
      ignoreDifferences: [{ group: "", kind: "ConfigMap", jsonPointers: ["/data/colour"] }],
      syncPolicy: { syncOptions: ["RespectIgnoreDifferences=true"] },
    });
    await shop.declareRestore();

    await holdfast.once();
    await argo.synced("shop", await shop.commit({ "shop/more.yaml": map(shop.namespace, "more", "red") }));

    expect(colourOf(await cluster.get("ConfigMap", shop.namespace, "web"))).toBe("blue");
  });
});
