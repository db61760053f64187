/** What a killed restore leaves paused in the real Argo CD, and `holdfast doctor`, where no controller comes back. */
import { expect, it } from "vitest";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { runIntoKill } from "../e2e/run-killed-fixture.ts";
import { application } from "../support/use-argocd.ts";
import { colourOf, map, SKIP, useArgoShop } from "./argocd-fixture.ts";

const shop = useArgoShop();
const { cluster, holdfast, argo } = shop;

const PAUSED = "holdfast.dev/paused";
const NAMES = ["root", "shop"];
const OWNERS = NAMES.map((name) => `Application ${ARGO_NAMESPACE}/${name}`);

/** An app of apps that has the child in Git with the annotation that pauses it: both are paused. */
async function growParent(): Promise<void> {
  await cluster.delete("Application", ARGO_NAMESPACE, "shop");
  const grown = await shop.commit({ "apps/shop.yaml": shop.manifest({ team: "shop", [SKIP]: "false" }) });
  await cluster.create(application("root", { repoUrl: shop.fleet.url, path: "apps", namespace: ARGO_NAMESPACE }));
  await argo.synced("root", grown);
  await argo.synced("shop", grown);
}

/** As if ten minutes were over in which nobody was heard of. */
async function letDeadlinePass(): Promise<void> {
  for (const name of NAMES) {
    const { metadata } = await cluster.get("Application", ARGO_NAMESPACE, name);
    const record = JSON.parse(metadata.annotations?.[PAUSED] ?? "{}") as { deadline: string };
    const annotations = {
      [PAUSED]: JSON.stringify({ ...record, deadline: new Date(Date.now() - 1000).toISOString() }),
    };
    await cluster.patch("Application", ARGO_NAMESPACE, name, { metadata: { annotations } });
  }
}

it("names what a killed restore left paused, puts it back as it was, and Argo CD syncs again", async () => {
  const doctor = async (...args: string[]) => await holdfast.start(["doctor", ...args]).ended;
  await growParent();
  const written = async () => await Promise.all(NAMES.map((name) => shop.written(name)));
  const before = await written();
  await shop.declareRestore();

  const killed = await runIntoKill(cluster, holdfast, { mode: "once", step: "restore-objects-written" });
  const early = await doctor("--resume");
  const held = await cluster.get("ConfigMap", shop.namespace, "web");
  await letDeadlinePass();
  const looked = await doctor("--output", "json");
  const standing = await cluster.get("ConfigMap", shop.namespace, "web");
  const healed = await doctor("--resume");
  await shop.waitForColour("red");
  await cluster.waitUntilGone("ConfigMap", shop.namespace, "old");
  const after = await written();
  const well = await doctor();

  expect([killed.signal, early.code], killed.stderr).toEqual(["SIGKILL", 0]);
  for (const owner of OWNERS) expect(early.stdout).toMatch(new RegExp(`${owner} +held +\\S+/bring-back`));
  expect([held, standing].map(colourOf)).toEqual(["blue", "blue"]);
  expect(looked.code).toBe(3);
  const stale = OWNERS.map((owner) => ({ owner, state: "stale", why: expect.stringContaining("not been heard of") }));
  expect(JSON.parse(looked.stdout)).toMatchObject({ paused: stale });
  expect(healed.code, healed.stderr).toBe(0);
  expect(after).toEqual(before);
  expect(well.stdout).toBe("No Argo CD or Flux owner is paused by a restore.\n");
  const grown = await shop.commit({ "shop/web.yaml": map(shop.namespace, "web", "green") });
  for (const name of NAMES) await argo.synced(name, grown);
  await shop.waitForColour("green");
});
