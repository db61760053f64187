/** A restore beside the real Argo CD, which puts back what Git says within a second. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { conditionsOf, statesSince, versionOf } from "../e2e/owners-fixture.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "../e2e/run-fixture.ts";
import { phaseOf, runIntoKill } from "../e2e/run-killed-fixture.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { application, useArgoCd } from "../support/use-argocd.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const cluster = usePrivateCluster();
const git = useGitServer();
const holdfast = useInstallation(cluster);
const argo = useArgoCd(cluster);

const APPLICATIONS = `/apis/argoproj.io/v1alpha1/namespaces/${ARGO_NAMESPACE}/applications`;
const SKIP = "argocd.argoproj.io/skip-reconcile";

/** On an object: Argo CD replaces it, whatever the Application says. */
const REPLACE = { "argocd.argoproj.io/sync-options": "Prune=false,Replace=true" };

let fleet: { readonly url: string; readonly repository: BareRepository };
let shop: string;
let backup: string;

/** Argo CD applies a blue map and an old one; both are in the backup. Then Git has the map red, and the old one no more. */
beforeEach(async () => {
  fleet = await git.createRepository();
  shop = await cluster.createNamespace();
  const begun = await commit({ "shop/web.yaml": map(shop, "web", "blue"), "shop/old.yaml": map(shop, "old", "blue") });
  await cluster.create(shopApplication());
  await argo.synced("shop", begun);
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  const broken = await commit({ "shop/web.yaml": map(shop, "web", "red"), "shop/old.yaml": null });
  await argo.synced("shop", broken);
});

afterEach(async () => {
  for (const { metadata } of await cluster.list("ApplicationSet", ARGO_NAMESPACE)) {
    await cluster.delete("ApplicationSet", ARGO_NAMESPACE, metadata.name); // or it would make them again
  }
  for (const { metadata } of await cluster.list("Application", ARGO_NAMESPACE)) {
    await cluster.delete("Application", ARGO_NAMESPACE, metadata.name);
  }
});

function shopApplication(annotations: Record<string, string> = { team: "shop" }): object {
  return application("shop", { repoUrl: fleet.url, path: "shop", namespace: shop }, { metadata: { annotations } });
}

function map(namespace: string, name: string, colour: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { colour } };
}

async function commit(objects: Readonly<Record<string, object | null>>): Promise<string> {
  const files = Object.fromEntries(
    Object.entries(objects).map(([path, object]) => [path, object === null ? null : JSON.stringify(object)]),
  );
  return await fleet.repository.commit({ message: "Change the fleet", files });
}

async function declareRestore(extra = ""): Promise<void> {
  const yaml = restoreYaml(holdfast.namespace, "bring-back", backup, `  includedResources: [configmaps]\n${extra}`);
  await holdfast.commit({ "restore.yaml": yaml });
}

async function plan(): Promise<KubeObject> {
  return await cluster.get("RestorePlan", holdfast.namespace, "bring-back");
}

async function changeSpec(spec: object): Promise<void> {
  await cluster.patch("Application", ARGO_NAMESPACE, "shop", { spec });
}

/** Argo CD waits in a sync for an Ingress that has no address yet, where something comes in a later wave. */
function ingress(): object {
  const backend = { service: { name: "web", port: { number: 80 } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "door", namespace: shop, annotations: { "argocd.argoproj.io/sync-wave": "-1" } },
    spec: { defaultBackend: backend },
  };
}

const OPEN = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };

/** An Application that nobody holds, in a namespace of its own. */
async function createOther(): Promise<string> {
  const namespace = await cluster.createNamespace();
  const grown = await commit({ "other/web.yaml": map(namespace, "web", "red") });
  await cluster.create(application("other", { repoUrl: fleet.url, path: "other", namespace }));
  await argo.synced("other", grown);
  await argo.synced("shop", grown);
  return namespace;
}

/** Argo CD is alive and heals what nobody holds, three times over: a clock that ticks as fast as it does. */
async function letHeal(namespace: string): Promise<void> {
  for (const drift of ["1", "2", "3"]) {
    await cluster.patch("ConfigMap", namespace, "web", { data: { colour: drift } });
    await waitForColour(namespace, "web", "red");
  }
}

function phaseOfSync(status: unknown): string | undefined {
  return (status as { operationState?: { phase?: string } } | undefined)?.operationState?.phase;
}

function syncOf(status: unknown): string | undefined {
  return (status as { sync?: { status?: string } } | undefined)?.sync?.status;
}

function colourOf(object: KubeObject): string {
  return (object as unknown as { data: { colour: string } }).data.colour;
}

async function waitForColour(namespace: string, name: string, colour: string): Promise<void> {
  await cluster.waitFor("ConfigMap", namespace, name, (object) => colourOf(object) === colour);
}

/** What became of the map `web` and of each Application, in the order in which it happened; first states are no news. */
async function history(since: string): Promise<string[]> {
  const maps = (await statesSince(cluster, `/api/v1/namespaces/${shop}/configmaps`, since))
    .filter(({ object }) => object.metadata.name === "web")
    .map(({ version, object }) => ({ version, subject: "web", state: colourOf(object) }));
  const owners = (await statesSince(cluster, APPLICATIONS, since)).map(({ version, object }) => ({
    version,
    subject: object.metadata.name,
    state: object.metadata.annotations?.[SKIP] === "true" ? "paused" : "runs",
  }));
  const last = new Map([["web", "red"]]);
  return [...maps, ...owners]
    .sort((a, b) => a.version - b.version)
    .filter(({ subject, state }) => {
      const isNews = (last.get(subject) ?? "runs") !== state;
      last.set(subject, state);
      return isNews;
    })
    .map(({ subject, state }) => `${subject} ${state}`);
}

/** All of an Application, or of an ApplicationSet, that people and Git write. */
async function written(name: string, kind = "Application"): Promise<object> {
  const { metadata, spec } = await cluster.get(kind, ARGO_NAMESPACE, name);
  const { annotations, labels, finalizers } = metadata as KubeObject["metadata"] & { finalizers?: string[] };
  return { annotations, labels, finalizers, spec };
}

describe("a restore of what the real Argo CD applies", () => {
  it("is undone at once where nobody holds Argo CD still", async () => {
    await declareRestore("  gitOpsOwners: Ignore\n");
    const since = await versionOf(cluster, APPLICATIONS);

    await holdfast.once();
    await waitForColour(shop, "web", "red");

    expect(phaseOf(await plan())).toBe("Completed");
    expect(await history(since)).toEqual(["web blue", "web red"]);
  });

  it("is not undone while it runs, and the Application is as it was and goes on", async () => {
    const before = await written("shop");
    await declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code, stderr } = await holdfast.once();
    await waitForColour(shop, "web", "red");
    await cluster.waitUntilGone("ConfigMap", shop, "old");

    const restored = await plan();
    expect([code, stderr.includes("owners go on"), phaseOf(restored)], stderr).toEqual([0, true, "Completed"]);
    expect(restored.status).toMatchObject({ pausedOwners: [`Application ${ARGO_NAMESPACE}/shop`] });
    expect(await history(since)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
    expect(await written("shop")).toEqual(before);
    await argo.synced("shop", await commit({ "shop/web.yaml": map(shop, "web", "green") }));
    await waitForColour(shop, "web", "green");
  });

  it("stands for as long as the owner is held, through the death of the process, until the next one lets go", async () => {
    const elsewhere = await createOther();
    const before = await written("shop");
    await declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const killed = await runIntoKill(cluster, holdfast, { mode: "once", step: "restore-objects-written" });
    await letHeal(elsewhere); // time enough to undo the restore
    const held = await cluster.get("Application", ARGO_NAMESPACE, "shop");
    const standing = await Promise.all(["web", "old"].map((name) => cluster.get("ConfigMap", shop, name)));
    const next = await holdfast.once();
    await waitForColour(shop, "web", "red");
    await cluster.waitUntilGone("ConfigMap", shop, "old");

    expect([killed.signal, next.code], killed.stderr + next.stderr).toEqual(["SIGKILL", 0]);
    expect(held.metadata.annotations).toMatchObject({ [SKIP]: "true", "holdfast.dev/paused": expect.any(String) });
    expect(standing.map(colourOf)).toEqual(["blue", "blue"]);
    expect(phaseOf(await plan())).toBe("Completed");
    expect(await history(since)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
    expect(await written("shop")).toEqual(before);
  });

  it("begins when a sync that is at work has ended", async () => {
    const elsewhere = await createOther();
    await commit({ "shop/door.yaml": ingress(), "shop/web.yaml": map(shop, "web", "green") });
    await argo.refresh("shop");
    await cluster.waitFor("Application", ARGO_NAMESPACE, "shop", ({ status }) => phaseOfSync(status) === "Running");
    await declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const running = holdfast.once();
    await waitUntil(async () => Object.keys(await holdfast.record()).some((path) => path.endsWith("/owners.json")), {
      what: "Holdfast has written down whom it will pause",
    });
    await letHeal(elsewhere); // time enough to pause it
    await cluster.patch("Ingress", shop, "door", OPEN, { subresource: "status" });
    const { code, stderr } = await running;

    expect([code, phaseOf(await plan())], stderr).toEqual([0, "Completed"]);
    const states = (await statesSince(cluster, APPLICATIONS, since)).map(({ object }) => object);
    const paused = states.find(({ metadata }) => metadata.annotations?.[SKIP] === "true");
    expect(phaseOfSync(paused?.status)).toBe("Succeeded");
  });

  it("stays without selfHeal, and is no drift once Git says the same, the labels of the restore neither", async () => {
    await changeSpec({ syncPolicy: { automated: { prune: true, selfHeal: false } } });
    await declareRestore();

    await holdfast.once();
    await cluster.waitFor("Application", ARGO_NAMESPACE, "shop", ({ status }) => syncOf(status) === "OutOfSync");
    const restored = await cluster.get("ConfigMap", shop, "web");
    await argo.synced("shop", await commit({ "shop/web.yaml": map(shop, "web", "blue") }));

    expect(colourOf(restored)).toBe("blue");
    const { metadata } = await cluster.get("ConfigMap", shop, "web");
    expect(metadata.labels).toMatchObject({ "velero.io/backup-name": backup });
  });

  it("stays for good in fields that Argo CD was told to ignore", async () => {
    await changeSpec({
      ignoreDifferences: [{ group: "", kind: "ConfigMap", jsonPointers: ["/data/colour"] }],
      syncPolicy: { syncOptions: ["RespectIgnoreDifferences=true"] },
    });
    await declareRestore();

    await holdfast.once();
    await argo.synced("shop", await commit({ "shop/more.yaml": map(shop, "more", "red") }));

    expect(colourOf(await cluster.get("ConfigMap", shop, "web"))).toBe("blue");
  });
});

describe("a restore of what an Application of an app of apps applies", () => {
  /** The parent has the child in Git with the very annotation that pauses it: it would put `false` back. */
  beforeEach(async () => {
    await cluster.delete("Application", ARGO_NAMESPACE, "shop");
    const grown = await commit({ "apps/shop.yaml": shopApplication({ team: "shop", [SKIP]: "false" }) });
    await cluster.create(application("root", { repoUrl: fleet.url, path: "apps", namespace: ARGO_NAMESPACE }));
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
    const before = [await written("root"), await written("shop")];
    await declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code, stderr } = await holdfast.once();
    await waitForColour(shop, "web", "red");

    const restored = await plan();
    expect([code, phaseOf(restored)], stderr).toEqual([0, "Completed"]);
    expect(restored.status).toMatchObject({
      pausedOwners: [`Application ${ARGO_NAMESPACE}/root`, `Application ${ARGO_NAMESPACE}/shop`],
    });
    const events = await history(since);
    expect(events.slice(0, 4)).toEqual(["root paused", "shop paused", "web blue", "shop runs"]);
    expect(events.slice(4).sort()).toEqual(["root runs", "web red"]);
    expect([await written("root"), await written("shop")]).toEqual(before);
  });

  it("is refused, with the remedy, where the parent is not in this cluster", async () => {
    await cluster.delete("Application", ARGO_NAMESPACE, "root");
    const before = await written("shop");
    await declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code } = await holdfast.once();

    const { Stalled } = conditionsOf(await plan());
    expect([code, Stalled?.reason]).toEqual([3, "OwnersRefused"]);
    expect(Stalled?.message).toContain(
      `the pause of Application ${ARGO_NAMESPACE}/shop would be undone by Application ${ARGO_NAMESPACE}/root, ` +
        `which is not in this cluster: pause Application ${ARGO_NAMESPACE}/root where it is`,
    );
    expect(await history(since)).toEqual([]);
    expect(await written("shop")).toEqual(before);
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
    const grown = await commit({ "apps/shop.yaml": shopApplication({ team: "shop", ...marks }) });
    const source = { repoUrl: fleet.url, path: "apps", namespace: ARGO_NAMESPACE };
    await cluster.create(application("root", source, { syncPolicy: { syncOptions } }));
    await argo.synced("root", grown);
    await argo.synced("shop", grown);
    await declareRestore();

    await holdfast.once();
    const { status } = await plan();
    await cluster.patch("Application", ARGO_NAMESPACE, "shop", { metadata: { annotations: { [SKIP]: "true" } } });
    await argo.synced("root", await commit({ "apps/shop.yaml": shopApplication({ team: "other", ...marks }) }));
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
    const { spec } = shopApplication() as KubeObject;
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
    await argo.synced("shop", (await fleet.repository.resolve("main")) ?? "");
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
    const before = [await written("shops", "ApplicationSet"), await written("shop")];
    await declareRestore();
    const since = await versionOf(cluster, APPLICATIONS);

    const { code, stderr } = await holdfast.once();
    await waitForColour(shop, "web", "red");

    const restored = await plan();
    expect([code, phaseOf(restored)], stderr).toEqual([0, "Completed"]);
    expect(restored.status).toMatchObject({
      pausedOwners: [`ApplicationSet ${ARGO_NAMESPACE}/shops`, `Application ${ARGO_NAMESPACE}/shop`],
    });
    const events = await history(since);
    expect(events.slice(events.indexOf("web blue") - 1)).toEqual(["shop paused", "web blue", "shop runs", "web red"]);
    expect([await written("shops", "ApplicationSet"), await written("shop")]).toEqual(before);
  });
});
