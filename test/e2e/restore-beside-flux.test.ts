import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { FluxStandIn, installFlux, kustomization } from "../support/flux-stand-in.ts";
import { versionOf } from "../support/history.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { conditionsOf, statesSince } from "./owners-fixture.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { phaseOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";

let shop: string;
let flux: string;
let backup: string;

beforeAll(async () => await installFlux(cluster));

/** A backup in which the colour is blue, and a Git in which it is red. */
beforeEach(async () => {
  shop = await cluster.createNamespace();
  flux = await cluster.createNamespace();
  await cluster.create(colour("blue"));
  await cluster.create(secret("in the backup"));
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  await holdfast.once();
  backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
});

function colour(value: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web", namespace: shop }, data: { colour: value } };
}

async function restore(name: string, extra = ""): Promise<{ code: number | null; stderr: string; plan: KubeObject }> {
  const { namespace } = holdfast;
  await holdfast.commit({
    "restore.yaml": restoreYaml(namespace, name, backup, `  includedResources: [configmaps]\n${extra}`),
  });
  const { code, stderr } = await holdfast.once();
  return { code, stderr, plan: await cluster.get("RestorePlan", namespace, name) };
}

async function withFlux<T>(standIn: FluxStandIn, work: () => Promise<T>): Promise<T> {
  await standIn.reconcile();
  standIn.start();
  try {
    return await work();
  } finally {
    await standIn.stop();
  }
}

/** Versions at which each value stood first, in order: `red`, `paused`, … */
async function history(since: string): Promise<string[]> {
  const history = { version: since, template: colour("of no account") };
  const maps = await statesSince(cluster, `/api/v1/namespaces/${shop}/configmaps`, history);
  const template = kustomization(flux, "of no account", { suspend: true });
  const owners = await statesSince(cluster, KUSTOMIZATIONS, { version: since, template });
  const events = [
    ...maps
      .filter(({ object }) => object.metadata.name === "web")
      .map(({ version, object }) => ({
        version,
        what: (object as unknown as { data: { colour: string } }).data.colour,
      })),
    ...owners.map(({ version, object }) => ({
      version,
      what: `${object.metadata.name} ${(object.spec as { suspend?: boolean }).suspend === true ? "paused" : "runs"}`,
    })),
  ].sort((a, b) => a.version - b.version);
  const last = new Map<string, string>();
  return events
    .map(({ what }) => what)
    .filter((what) => {
      const [subject = ""] = what.includes(" ") ? what.split(" ") : ["colour"];
      const isNews = last.get(subject) !== what;
      last.set(subject, what);
      return isNews;
    });
}

describe("a restore of what Flux applies", () => {
  it("is not undone while it runs, and Flux goes on as it was", async () => {
    await cluster.create(kustomization(flux, "apps"));
    const before = await cluster.get("Kustomization", flux, "apps");
    const since = await versionOf(cluster, KUSTOMIZATIONS);
    const standIn = new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]);

    const { code, stderr, plan } = await withFlux(standIn, async () => {
      const ended = await restore("bring-back");
      await cluster.waitFor(
        "ConfigMap",
        shop,
        "web",
        (map) => (map as unknown as { data: { colour: string } }).data.colour === "red",
      );
      return ended;
    });

    const after = await cluster.get("Kustomization", flux, "apps");
    expect([code, stderr.includes("owners go on"), phaseOf(plan)]).toEqual([0, true, "Completed"]);
    expect(plan.status).toMatchObject({ pausedOwners: [`Kustomization ${flux}/apps`] });
    // blue stands from the write of the restore until Flux goes on, and not a write of Flux lies between
    expect(await history(since)).toEqual(["red", "apps runs", "apps paused", "blue", "apps runs", "red"]);
    expect(after.spec).toEqual(before.spec);
    expect(Object.keys(after.metadata.annotations ?? {})).toEqual(["reconcile.fluxcd.io/requestedAt"]);
    const record = await holdfast.record();
    const owners = Object.entries(record).find(([path]) => path.endsWith("/owners.json"))?.[1] ?? "{}";
    expect(JSON.parse(owners)).toMatchObject({
      owners: [{ owner: `Kustomization ${flux}/apps`, how: "spec.suspend: true" }],
      resumedAt: expect.any(String),
    });
  });

  it("is undone at once with gitOpsOwners: Ignore", async () => {
    await cluster.create(kustomization(flux, "apps"));
    const since = await versionOf(cluster, KUSTOMIZATIONS);
    const standIn = new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]);

    const { plan } = await withFlux(standIn, async () => {
      const ended = await restore("bring-back", "  gitOpsOwners: Ignore\n");
      await cluster.waitFor(
        "ConfigMap",
        shop,
        "web",
        (map) => (map as unknown as { data: { colour: string } }).data.colour === "red",
      );
      return ended;
    });

    expect(phaseOf(plan)).toBe("Completed");
    expect(await history(since)).toEqual(["red", "apps runs", "blue", "red"]);
  });

  it("pauses the parent too, where Git says that its child is not suspended", async () => {
    const child = kustomization(flux, "apps", { suspend: false });
    await cluster.create(kustomization(flux, "root"));
    const standIn = new FluxStandIn(cluster, [
      { namespace: flux, name: "root", manifests: [child] },
      { namespace: flux, name: "apps", manifests: [colour("red")] },
    ]);
    await standIn.reconcile();
    const since = await versionOf(cluster, KUSTOMIZATIONS);

    const { plan } = await withFlux(standIn, async () => {
      const ended = await restore("bring-back");
      await cluster.waitFor(
        "ConfigMap",
        shop,
        "web",
        (map) => (map as unknown as { data: { colour: string } }).data.colour === "red",
      );
      return ended;
    });

    const events = await history(since);
    const restored = events.slice(events.indexOf("blue"));
    expect(phaseOf(plan)).toBe("Completed");
    expect(plan.status).toMatchObject({ pausedOwners: [`Kustomization ${flux}/root`, `Kustomization ${flux}/apps`] });
    expect(events.indexOf("root paused")).toBeLessThan(events.indexOf("blue"));
    expect(restored.slice(0, restored.indexOf("apps runs"))).toEqual(["blue"]);
    for (const name of ["root", "apps"]) {
      const { spec, metadata } = await cluster.get("Kustomization", flux, name);
      expect([name, (spec as { suspend?: boolean }).suspend ?? false]).toEqual([name, false]);
      expect(Object.keys(metadata.annotations ?? {})).not.toContain("holdfast.dev/paused");
    }
  });

  it("is refused where a parent that is not here would undo the pause", async () => {
    const child = kustomization(flux, "apps", { suspend: false });
    await new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]).reconcile();
    await cluster.create(kustomization(flux, "root"));
    const standIn = new FluxStandIn(cluster, [
      { namespace: flux, name: "root", manifests: [child] },
      { namespace: flux, name: "apps", manifests: [colour("red")] },
    ]);
    await standIn.reconcile();
    await cluster.delete("Kustomization", flux, "root");

    const { code, plan } = await restore("bring-back");

    const { Stalled } = conditionsOf(plan);
    expect([code, Stalled?.reason]).toEqual([3, "OwnersRefused"]);
    expect(Stalled?.message).toContain(`would be undone by Kustomization ${flux}/root`);
    expect(Stalled?.message).toContain("gitOpsOwners: Ignore");
    expect((await cluster.get("ConfigMap", shop, "web")) as unknown).toMatchObject({ data: { colour: "red" } });
    expect((await cluster.get("Kustomization", flux, "apps")).metadata.annotations).toBeUndefined();
  });

  it("writes nothing with gitOpsOwners: Refuse, and says who owns what", async () => {
    await cluster.create(kustomization(flux, "apps"));
    await new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]).reconcile();

    const { plan } = await restore("bring-back", "  gitOpsOwners: Refuse\n");

    expect(conditionsOf(plan).Stalled).toMatchObject({ reason: "OwnersRefused" });
    expect(conditionsOf(plan).Stalled?.message).toContain(`Kustomization ${flux}/apps`);
    expect((await cluster.get("ConfigMap", shop, "web")) as unknown).toMatchObject({ data: { colour: "red" } });
  });

  it("pauses them for the way back too", async () => {
    await cluster.create(kustomization(flux, "apps"));
    await new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]).reconcile();
    const { plan } = await restore("bring-back");
    const run = (plan.status as { run: { id: string } }).run.id;
    const undo = restoreYaml(holdfast.namespace, "take-back", backup).replace(
      `backupName: ${backup}`,
      `undoOf: ${run}`,
    );
    await holdfast.commit({ "undo.yaml": undo });

    const { code } = await holdfast.once();

    const undone = await cluster.get("RestorePlan", holdfast.namespace, "take-back");
    expect([code, phaseOf(undone)]).toEqual([0, "Completed"]);
    expect(undone.status).toMatchObject({ pausedOwners: [`Kustomization ${flux}/apps`] });
    expect((await cluster.get("ConfigMap", shop, "web")) as unknown).toMatchObject({ data: { colour: "red" } });
    expect((await cluster.get("Kustomization", flux, "apps")).spec).not.toHaveProperty("suspend");
  });

  it("leaves an owner alone that somebody else has paused", async () => {
    await cluster.create(kustomization(flux, "apps"));
    await new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]).reconcile();
    await cluster.patch("Kustomization", flux, "apps", { spec: { suspend: true } });
    const before = await cluster.get("Kustomization", flux, "apps");

    const { plan } = await restore("bring-back");

    expect(phaseOf(plan)).toBe("Completed");
    expect((await cluster.get("Kustomization", flux, "apps")).metadata.resourceVersion).toBe(
      before.metadata.resourceVersion,
    );
  });

  it("writes nothing where the owner can't be paused, and says what the API server said", async () => {
    await cluster.create(kustomization(flux, "apps"));
    await new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]).reconcile();
    await cluster.apply(...denial("nobody may suspend what production runs on"));
    await untilPause("is refused", (status) => status === 422);

    const { plan } = await restore("bring-back");

    const { Stalled } = conditionsOf(plan);
    for (const { kind, metadata } of denial("") as KubeObject[]) await cluster.delete(kind, undefined, metadata.name);
    await untilPause("goes through again", (status) => status === 200);
    expect(Stalled?.reason).toBe("OwnerNotPaused");
    expect(Stalled?.message).toContain("nobody may suspend what production runs on");
    expect((await cluster.get("ConfigMap", shop, "web")) as unknown).toMatchObject({ data: { colour: "red" } });
  });
});

describe("the plan of a restore of what Flux applies", () => {
  it("names the owner, marks what Git will undo, and says what Git would have to hold", async () => {
    await cluster.create(kustomization(flux, "apps"));
    await new FluxStandIn(cluster, [
      { namespace: flux, name: "apps", manifests: [colour("red"), secret("old")] },
    ]).reconcile();
    await cluster.patch("ConfigMap", shop, "web", { data: { extra: "by hand" } });
    const file = join(await mkdtemp(join(tmpdir(), "holdfast-plan-")), "restore.yaml");
    await writeFile(
      file,
      restoreYaml(holdfast.namespace, "bring-back", backup, "  includedResources: [configmaps, secrets]\n"),
    );

    const text = await holdfast.start(["plan", file]).ended;
    const markdown = await holdfast.start(["plan", file, "--output", "markdown"]).ended;
    const json = JSON.parse((await holdfast.start(["plan", file, "--output", "json"]).ended).stdout) as {
      objects: { name: string; owners?: string[]; changes?: { path: string; undoneBy?: string }[] }[];
      summary: { undoneFields: number; owners: object[] };
    };
    const followup = await holdfast.start(["restore", "followup", file]).ended;
    await rm(dirname(file), { recursive: true });

    const owner = `Kustomization ${flux}/apps`;
    expect(text.stdout).toContain(`~ ConfigMap ${shop}/web  [${owner}]`);
    expect(text.stdout).toContain('~ /data/colour [Git will undo this]: "red" → "blue"');
    expect(text.stdout).toContain('- /data/extra: "by hand" (only in the cluster)');
    expect(text.stdout.replace(/\s+/g, " ")).toContain(
      `note: ${owner} is paused while this runs (spec.suspend: true); it applies 2`,
    );
    expect(markdown.stdout).toContain("/data/colour [Git will undo this]");
    expect(markdown.stdout).toContain(`Kustomization ${flux}/apps is paused while this runs`);
    const map = json.objects.find(({ name }) => name === "web");
    expect(map?.owners).toEqual([owner]);
    expect(map?.changes?.map(({ path, undoneBy }) => [path, undoneBy])).toContainEqual([
      "/data/colour",
      "kustomize-controller",
    ]);
    // the colour, the password, and on each of the two objects the labels that the backup is older than
    expect(json.summary).toMatchObject({ undoneFields: 6, owners: [{ owner, action: "pause", objects: 2 }] });
    expect(followup.stdout).toContain(`# applied by ${owner} from ./apps/apps of GitRepository fleet`);
    expect(followup.stdout).toContain("data:\n  colour: blue\n");
    expect(followup.stdout).toContain("data:\n  password: <from the backup>\n");
    expect(followup.stdout).not.toContain(Buffer.from("in the backup").toString("base64"));
    expect(followup.stdout).not.toContain("extra");
  });
});

describe("holdfast restore followup", () => {
  const followup = async (plan: string) => await holdfast.start(["restore", "followup", plan]).ended;

  it("says so while the restore stands, and writes the change once Git has undone it", async () => {
    await cluster.create(kustomization(flux, "apps"));
    const standIn = new FluxStandIn(cluster, [{ namespace: flux, name: "apps", manifests: [colour("red")] }]);
    await standIn.reconcile();
    await restore("bring-back");

    const standing = await followup("bring-back");
    await standIn.reconcile();
    const undone = await followup("bring-back");

    expect([standing.code, standing.stdout]).toEqual([0, ""]);
    expect(standing.stderr).toMatch(/^The cluster is as this restore leaves it, so there is nothing to compare/);
    expect(undone.stdout).toContain("data:\n  colour: blue\n");
  });

  it("says that Git undoes nothing of what nobody applies", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "holdfast-plan-")), "restore.yaml");
    await writeFile(file, restoreYaml(holdfast.namespace, "bring-back", backup, "  includedResources: [configmaps]\n"));
    await cluster.patch("ConfigMap", shop, "web", { data: { colour: "green" } });

    const { code, stdout, stderr } = await followup(file);
    await rm(dirname(file), { recursive: true });

    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/^Git undoes nothing of this restore: there is nothing to change/);
  });
});

function secret(password: string): object {
  const data = { password: Buffer.from(password).toString("base64") };
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "login", namespace: shop }, data };
}

/** The API server takes its time to see a policy, and that it is gone. */
async function untilPause(what: string, isSo: (status: number) => boolean): Promise<void> {
  const path = KUSTOMIZATIONS.replace("/kustomizations", `/namespaces/${flux}/kustomizations/apps?dryRun=All`);
  const headers = { "content-type": "application/merge-patch+json" };
  const tried = async (): Promise<number> =>
    (await cluster.request("PATCH", path, { spec: { suspend: true } }, { headers })).status;
  await waitUntil(async () => isSo(await tried()), { what: `a pause ${what}` });
}

/** A policy of the API server that refuses every pause. */
function denial(message: string): object[] {
  const rule = {
    apiGroups: ["kustomize.toolkit.fluxcd.io"],
    apiVersions: ["*"],
    operations: ["UPDATE"],
    resources: ["kustomizations"],
  };
  return [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "no-pause" },
      spec: {
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression: "!has(object.spec.suspend) || !object.spec.suspend", message }],
      },
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: "no-pause" },
      spec: { policyName: "no-pause", validationActions: ["Deny"] },
    },
  ];
}
