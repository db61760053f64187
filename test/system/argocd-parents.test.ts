/** Who would undo the pause of an Application: the real app of apps, and the real ApplicationSet. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { conditionsOf } from "../e2e/owners-fixture.ts";
import { phaseOf } from "../e2e/run-killed-fixture.ts";
import { versionOf } from "../support/history.ts";
import { application } from "../support/use-argocd.ts";
import { APPLICATIONS, SKIP, useArgoShop } from "./argocd-fixture.ts";

const shop = useArgoShop();
const { cluster, holdfast, argo } = shop;

/** On an object: Argo CD replaces it, whatever the Application says. */
const REPLACE = { "argocd.argoproj.io/sync-options": "Prune=false,Replace=true" };

/** A sync at work would bring the child back after it is cleaned up. */
afterEach(async () => {
  if ((await cluster.find("Application", ARGO_NAMESPACE, "root")) !== undefined)
    await argo.synced("root", await head());
});

async function head(): Promise<string> {
  return (await shop.fleet.repository.resolve("main")) ?? "";
}

describe("a restore of what an Application of an app of apps applies", () => {
  /** The parent has the child in Git with the very annotation that pauses it: it would put `false` back. */
  beforeEach(async () => {
    await cluster.delete("Application", ARGO_NAMESPACE, "shop");
    const grown = await shop.commit({ "apps/shop.yaml": shop.manifest({ team: "shop", [SKIP]: "false" }) });
    await cluster.create(application("root", { repoUrl: shop.fleet.url, path: "apps", namespace: ARGO_NAMESPACE }));
    await argo.synced("root", grown);
    await argo.synced("shop", grown);
  });

  it("would be undone by the parent, which puts the annotation of the pause back", async () => {
    await cluster.patch("Application", ARGO_NAMESPACE, "shop", { metadata: { annotations: { [SKIP]: "true" } } });

    const healed = await cluster.waitFor(
      "Application",
      ARGO_NAMESPACE,
      "shop",
      ({ metadata }) => metadata.annotations?.[SKIP] === "false",
    );

    expect(healed.metadata.annotations).toMatchObject({ team: "shop" });
  });

  it("pauses the parent first, and both are as they were afterwards", async () => {
    const before = [await shop.written("root"), await shop.written("shop")];
    await shop.declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code, stderr } = await holdfast.once();
    await shop.waitForColour("red");

    const restored = await shop.plan();
    expect([code, phaseOf(restored)], stderr).toEqual([0, "Completed"]);
    expect(restored.status).toMatchObject({
      pausedOwners: [`Application ${ARGO_NAMESPACE}/root`, `Application ${ARGO_NAMESPACE}/shop`],
    });
    const events = await shop.history(since);
    expect(events.slice(0, 4)).toEqual(["root paused", "shop paused", "web blue", "shop runs"]);
    expect(events.slice(4).sort()).toEqual(["root runs", "web red"]);
    expect([await shop.written("root"), await shop.written("shop")]).toEqual(before);
  });

  it("is refused, with the remedy, where the parent is not in this cluster", async () => {
    await cluster.delete("Application", ARGO_NAMESPACE, "root");
    const before = await shop.written("shop");
    await shop.declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code } = await holdfast.once();

    const { Stalled } = conditionsOf(await shop.plan());
    expect([code, Stalled?.reason]).toEqual([3, "OwnersRefused"]);
    expect(Stalled?.message).toContain(
      `the pause of Application ${ARGO_NAMESPACE}/shop would be undone by Application ${ARGO_NAMESPACE}/root, ` +
        `which is not in this cluster: pause Application ${ARGO_NAMESPACE}/root where it is`,
    );
    expect(await shop.history(since)).toEqual([]);
    expect(await shop.written("shop")).toEqual(before);
  });
});

describe("a parent that has the child without the pause in Git", () => {
  it.each([
    { how: "client-side apply", syncOptions: [], marks: {}, isPaused: false },
    { how: "server-side apply", syncOptions: ["ServerSideApply=true"], marks: {}, isPaused: false },
    { how: "replacing", syncOptions: ["Replace=true"], marks: {}, isPaused: true },
    { how: "replacing the child", syncOptions: [], marks: REPLACE, isPaused: true },
  ])("is paused where its sync undoes the pause: $how, $isPaused", async ({ syncOptions, marks, isPaused }) => {
    await cluster.delete("Application", ARGO_NAMESPACE, "shop");
    const grown = await shop.commit({ "apps/shop.yaml": shop.manifest({ team: "shop", ...marks }) });
    const source = { repoUrl: shop.fleet.url, path: "apps", namespace: ARGO_NAMESPACE };
    await cluster.create(application("root", source, { syncPolicy: { syncOptions } }));
    await argo.synced("root", grown);
    await argo.synced("shop", grown);
    await shop.declareRestore();

    await holdfast.once();
    const { status } = await shop.plan();
    await cluster.patch("Application", ARGO_NAMESPACE, "shop", { metadata: { annotations: { [SKIP]: "true" } } });
    await argo.synced("root", await shop.commit({ "apps/shop.yaml": shop.manifest({ team: "other", ...marks }) }));
    const synced = await cluster.get("Application", ARGO_NAMESPACE, "shop");

    const parent = isPaused ? [`Application ${ARGO_NAMESPACE}/root`] : [];
    expect(status).toMatchObject({ pausedOwners: [...parent, `Application ${ARGO_NAMESPACE}/shop`] });
    expect(synced.metadata.annotations).toMatchObject({ team: "other" });
    expect(synced.metadata.annotations?.[SKIP]).toBe(isPaused ? undefined : "true");
  });
});

describe("a restore of what an Application of an ApplicationSet applies", () => {
  /** It looks at its Applications whenever one changes, and takes off every annotation that its template lacks. */
  beforeEach(async () => {
    await cluster.delete("Application", ARGO_NAMESPACE, "shop");
    const { spec } = shop.manifest();
    await cluster.create({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "ApplicationSet",
      metadata: { name: "shops", namespace: ARGO_NAMESPACE },
      spec: {
        generators: [{ list: { elements: [{ name: "shop" }] } }],
        template: { metadata: { name: "{{name}}", annotations: { team: "shop" } }, spec },
      },
    });
    await cluster.waitFor("Application", ARGO_NAMESPACE, "shop");
    await argo.synced("shop", await head());
  });

  it("would be undone by the ApplicationSet, which takes the annotation of the pause off", async () => {
    await cluster.patch("Application", ARGO_NAMESPACE, "shop", { metadata: { annotations: { [SKIP]: "true" } } });

    const undone = await cluster.waitFor(
      "Application",
      ARGO_NAMESPACE,
      "shop",
      ({ metadata }) => metadata.annotations?.[SKIP] === undefined,
    );

    expect(undone.metadata.annotations).toEqual({ team: "shop" });
  });

  it("makes the ApplicationSet keep the pause, and both are as they were afterwards", async () => {
    const before = [await shop.written("shops", "ApplicationSet"), await shop.written("shop")];
    await shop.declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code, stderr } = await holdfast.once();
    await shop.waitForColour("red");

    const restored = await shop.plan();
    expect([code, phaseOf(restored)], stderr).toEqual([0, "Completed"]);
    expect(restored.status).toMatchObject({
      pausedOwners: [`ApplicationSet ${ARGO_NAMESPACE}/shops`, `Application ${ARGO_NAMESPACE}/shop`],
    });
    const events = await shop.history(since);
    expect(events.slice(events.indexOf("web blue") - 1)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
    expect([await shop.written("shops", "ApplicationSet"), await shop.written("shop")]).toEqual(before);
  });
});
