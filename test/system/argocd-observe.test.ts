/** The real Argo CD applies Holdfast's YAML, with the health checks and the Application of docs/gitops, and Holdfast runs it. */
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Standing, setCondition, setStanding } from "../../src/api/conditions.ts";
import type { Condition } from "../../src/api/kinds.generated.ts";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { conditionsOf } from "../e2e/owners-fixture.ts";
import { locationYaml, policyYaml, restoreYaml, useInstallation } from "../e2e/run-fixture.ts";
import { phaseOf } from "../e2e/run-killed-fixture.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { application, useArgoCd } from "../support/use-argocd.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const DOCS = new URL("../../docs/gitops/", import.meta.url);
const { data: HEALTH_CHECKS } = parse(await readFile(new URL("argocd-cm.yaml", DOCS), "utf8")) as {
  data: Record<string, string>;
};

const cluster = usePrivateCluster();
const git = useGitServer();
const holdfast = useInstallation(cluster, { per: "file" });
const argo = useArgoCd(cluster, HEALTH_CHECKS); // last, and so ended first: it would bring back what is cleaned up

const HALF_A_YEAR_MS = 183 * 86_400_000;

type Files = Readonly<Record<string, string>>;

async function push({ repository }: HostedRepository, files: Files): Promise<string> {
  return await repository.commit({ message: "Change the desired state", files });
}

async function operationOf(name: string): Promise<{ phase?: string; startedAt?: string; message?: string }> {
  const { status } = await cluster.get("Application", ARGO_NAMESPACE, name);
  return (status as { operationState?: object }).operationState ?? {};
}

/** The names of what an Application manages, by how it finds it. */
async function health(name: string): Promise<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(await argo.seen(name)).map(([id, { health }]) => [id, health?.status]));
}

describe("the Application of docs/gitops", () => {
  let source: HostedRepository;
  let shop: string;

  async function observe(): Promise<void> {
    const args = ["run", "--repo", source.url, "--path", "policies", "--observe", "--once", "--timeout", "60s"];
    await holdfast.start(args).ended;
  }

  function map(colour: string): object {
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "web", namespace: shop }, data: { colour } };
  }

  /** First a backup, then a restore that a frozen object refuses, and one of a backup that is not there. */
  beforeAll(async () => {
    const { namespace, bucket } = holdfast;
    source = await git.createRepository();
    shop = await cluster.createNamespace();
    await cluster.create(map("blue"));
    const first = await push(source, {
      "policies/location.yaml": locationYaml(namespace, bucket),
      "policies/shop.yaml": policyYaml(namespace, "shop", shop),
    });
    const sample = parse(await readFile(new URL("application.yaml", DOCS), "utf8")) as KubeObject;
    const spec = sample.spec as { source: object };
    await cluster.create({ ...sample, spec: { ...spec, source: { ...spec.source, repoURL: source.url } } });
    await argo.synced("holdfast-policies", first);
    await observe();
    const backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
    await cluster.delete("ConfigMap", shop, "web");
    await cluster.create({ ...map("red"), immutable: true });
    const names = "  includedResources: [configmaps]\n  includedNames: [web]\n";
    const second = await push(source, {
      "policies/restores/went-wrong.yaml": restoreYaml(namespace, "went-wrong", backup, names),
      "policies/restores/of-nothing.yaml": restoreYaml(namespace, "of-nothing", "there-is-none"),
    });
    await argo.synced("holdfast-policies", second);
    await observe();
  });

  it("applies the whole folder, and nothing that Holdfast writes is drift", async () => {
    const operation = await operationOf("holdfast-policies");
    const third = await push(source, { "README.md": "Nothing for the cluster.\n" });

    await argo.synced("holdfast-policies", third);

    const seen = Object.entries(await argo.seen("holdfast-policies")).map(([id, { status }]) => [id, status]);
    expect(Object.fromEntries(seen)).toEqual({
      "BackupStorageLocation main": "Synced",
      "BackupPolicy shop": "Synced",
      "RestorePlan went-wrong": "Synced",
      "RestorePlan of-nothing": "Synced",
    });
    expect(await operationOf("holdfast-policies")).toEqual(operation);
  });

  it("calls what works and a failed restore Healthy, and one that can never run Degraded", async () => {
    const failed = await cluster.get("RestorePlan", holdfast.namespace, "went-wrong");

    expect([phaseOf(failed), conditionsOf(failed).Succeeded?.status]).toEqual(["PartiallyFailed", "False"]);
    expect(await health("holdfast-policies")).toEqual({
      "BackupStorageLocation main": "Healthy",
      "BackupPolicy shop": "Healthy",
      "RestorePlan went-wrong": "Healthy",
      "RestorePlan of-nothing": "Degraded",
    });
  });

  it("leaves alone what Holdfast makes itself", async () => {
    const backups = await cluster.list("Backup", holdfast.namespace);

    expect(backups.length).toBeGreaterThan(0);
    expect(Object.keys(await argo.seen("holdfast-policies")).filter((id) => id.startsWith("Backup "))).toEqual([]);
  });
});

describe("the health of an object", () => {
  const NOT_SEEN = "none";
  const now = Date.now();

  /** How objects stand, as our reconcilers write it, with what the page says that Argo CD makes of it. */
  const STATES: Readonly<Record<string, { readonly health: string; readonly status: Status }>> = {
    [NOT_SEEN]: { health: "Progressing", status: () => undefined },
    accepted: { health: "Healthy", status: standing("ready", "Accepted") },
    suspended: { health: "Healthy", status: standing("ready", "Suspended") },
    "at-work": { health: "Progressing", status: standing("reconciling", "Progressing") },
    "tried-again": { health: "Progressing", status: standing("failing", "LocationUnavailable") },
    stalled: { health: "Degraded", status: standing("stalled", "InvalidDocuments") },
    changed: { health: "Progressing", status: (generation) => standing("ready", "Accepted")(generation - 1) },
  };
  /** States that only runs have. */
  const RUN_STATES: typeof STATES = {
    completed: { health: "Healthy", status: ended("Completed", now) },
    "failed-now": { health: "Healthy", status: ended("PartiallyFailed", now) },
    "failed-long-ago": { health: "Healthy", status: ended("Failed", now - HALF_A_YEAR_MS) },
  };
  const PLAN_STATES: typeof STATES = {
    unapproved: { health: "Healthy", status: standing("ready", "AwaitingApproval") },
    "ran-before": { health: "Healthy", status: standing("ready", "AlreadyRun") },
    refused: { health: "Degraded", status: standing("stalled", "OwnersRefused") },
  };
  const TABLE: Readonly<Record<string, { readonly spec: object; readonly states: typeof STATES }>> = {
    GitSource: { spec: { url: "https://git.example.com/ops.git", suspend: true }, states: STATES },
    BackupStorageLocation: {
      spec: { provider: "filesystem", filesystem: { path: "/nowhere" } },
      states: STATES,
    },
    BackupPolicy: { spec: { schedules: [{ name: "daily", cron: "0 2 * * *" }] }, states: STATES },
    Backup: { spec: {}, states: { ...STATES, ...RUN_STATES } },
    RestorePlan: {
      spec: { source: { backupName: "of-long-ago" } },
      states: { ...STATES, ...RUN_STATES, ...PLAN_STATES },
    },
  };
  const ROWS = Object.entries(TABLE).flatMap(([kind, { spec, states }]) =>
    Object.entries(states).map(([name, state]) => ({ kind, name, spec, ...state })),
  );

  it("is, for every kind and state, what docs/gitops.md says", async () => {
    const source = await git.createRepository();
    const namespace = await cluster.createNamespace();
    const files = ROWS.map(({ kind, name, spec }) => [
      `states/${kind}-${name}.yaml`,
      JSON.stringify({ apiVersion: "holdfast.dev/v1alpha1", kind, metadata: { name, namespace }, spec }),
    ]);
    const revision = await push(source, Object.fromEntries(files));
    await cluster.create(application("states", { repoUrl: source.url, path: "states", namespace }));
    await argo.synced("states", revision);
    for (const { kind, name, status } of ROWS) {
      const { metadata } = await cluster.get(kind, namespace, name);
      const written = status((metadata as { generation?: number }).generation ?? 1);
      if (written !== undefined)
        await cluster.patch(kind, namespace, name, { status: written }, { subresource: "status" });
    }
    const expected = Object.fromEntries(ROWS.map(({ kind, name, health }) => [`${kind} ${name}`, health]));

    const isAsSaid = async (): Promise<boolean> => isDeepStrictEqual(await health("states"), expected);
    await waitUntil(isAsSaid, { what: "Argo CD says so" }).catch(() => undefined); // or the difference is told below

    expect(await health("states")).toEqual(expected);
  });
});

describe("a sync in waves", () => {
  /** First the restore, then what is to come after it. */
  async function twoWaves(name: string): Promise<{ readonly namespace: string }> {
    const source = await git.createRepository();
    const namespace = await cluster.createNamespace();
    const inWave = (wave: string): object => ({ annotations: { "argocd.argoproj.io/sync-wave": wave } });
    const plan = {
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "RestorePlan",
      metadata: { name: "of-long-ago", namespace, ...inWave("0") },
      spec: { source: { backupName: "of-long-ago" } },
    };
    const next = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "next", namespace, ...inWave("1") } };
    await push(source, { "waves/plan.yaml": JSON.stringify(plan), "waves/next.yaml": JSON.stringify(next) });
    const syncPolicy = { retry: { limit: 0 } }; // or a failed sync is tried again for minutes
    await cluster.create(application(name, { repoUrl: source.url, path: "waves", namespace }, { syncPolicy }));
    await cluster.waitFor("RestorePlan", namespace, "of-long-ago");
    return { namespace };
  }

  async function stands(namespace: string, status: Status): Promise<void> {
    const { metadata } = await cluster.get("RestorePlan", namespace, "of-long-ago");
    const written = status((metadata as { generation?: number }).generation ?? 1);
    await cluster.patch("RestorePlan", namespace, "of-long-ago", { status: written ?? {} }, { subresource: "status" });
  }

  it("waits for a restore, and goes on behind one that failed half a year ago", async () => {
    const { namespace } = await twoWaves("old-failure");
    await stands(namespace, standing("reconciling", "Progressing"));
    await cluster.waitFor("Application", ARGO_NAMESPACE, "old-failure", ({ status }) =>
      JSON.stringify(status ?? {}).includes('"health":{"message":"it is Progressing","status":"Progressing"}'),
    );
    const early = await cluster.find("ConfigMap", namespace, "next");
    await stands(namespace, ended("Failed", Date.now() - HALF_A_YEAR_MS));
    await cluster.waitFor("ConfigMap", namespace, "next");

    expect(early).toBeUndefined();
    await cluster.waitFor(
      "Application",
      ARGO_NAMESPACE,
      "old-failure",
      ({ status }) => (status as { operationState?: { phase?: string } }).operationState?.phase === "Succeeded",
    );
  });

  it("stops at a restore that was refused, and never ran", async () => {
    const { namespace } = await twoWaves("refusal");

    await stands(namespace, standing("stalled", "OwnersRefused"));
    await cluster.waitFor("Application", ARGO_NAMESPACE, "refusal", ({ status }) =>
      ["Failed", "Error"].includes((status as { operationState?: { phase?: string } }).operationState?.phase ?? ""),
    );

    expect(await cluster.find("ConfigMap", namespace, "next")).toBeUndefined();
  });
});

/** A status at a generation; undefined: none was ever written. */
type Status = (
  generation: number,
) => { readonly observedGeneration: number; readonly conditions: readonly Condition[] } | undefined;

function standing(type: Standing["type"], reason: Standing["reason"], atMs = Date.now()): Status {
  return (generation) => ({
    observedGeneration: generation,
    conditions: setStanding(undefined, { type, reason, message: `it is ${reason}` }, generation, atMs),
  });
}

function ended(phase: "Completed" | "PartiallyFailed" | "Failed", atMs: number): Status {
  return (generation) => {
    const conditions = standing("ready", phase, atMs)(generation)?.conditions;
    const input = {
      type: "Succeeded",
      status: phase === "Completed",
      reason: phase,
      message: `it is ${phase}`,
      observedGeneration: generation,
    } as const;
    return { observedGeneration: generation, phase, conditions: setCondition(conditions, input, atMs) };
  };
}
