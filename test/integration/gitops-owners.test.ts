import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Clock, systemClock } from "../../src/clock.ts";
import { listOwners } from "../../src/gitops/list-owners.ts";
import { formatOwner, OWNER_KINDS, type OwnerKind } from "../../src/gitops/owner.ts";
import { isPaused, type PauseHolder, pauseRecordOf } from "../../src/gitops/pause-change.ts";
import { type PausedOwner, pauseOwners, renewPause, resumeOwner } from "../../src/gitops/pause-owners.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { argoCrds } from "../../tools/testbed/gitops/crds.ts";
import { installFlux, kustomization } from "../support/flux-stand-in.ts";
import { useKubeClients } from "../support/kube-client.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const cluster = usePrivateCluster();
const clients = useKubeClients();
const never = new AbortController().signal;

let ops: string;
let kube: KubeClient;
let deps: { readonly kube: KubeClient; readonly clock: Clock };

beforeAll(async () => {
  await installFlux(cluster);
  for (const crd of await argoCrds()) await cluster.applyYaml(crd);
  ops = await cluster.createNamespace();
  kube = await clients(cluster.kubeconfigPath);
  deps = { kube, clock: systemClock };
});

function holder(run: string, deadlineMs = 600_000): PauseHolder {
  const at = (ms: number): string => new Date(systemClock.now() + ms).toISOString();
  return { run, plan: "holdfast/shop", cluster: "main", since: at(0), deadline: at(deadlineMs) };
}

/** One of each kind, as the API server takes it. */
function manifest(kind: OwnerKind, name: string, metadata: object = {}): object {
  const meta = { name, namespace: ops, ...metadata };
  const source = { repoURL: "https://git.example.com/fleet.git", path: "apps", targetRevision: "main" };
  const app = { project: "default", source, destination: { name: "here", namespace: "shop" } };
  switch (kind) {
    case "Kustomization":
      return { ...kustomization(ops, name), metadata: meta };
    case "HelmRelease": {
      const chart = { spec: { chart: "shop", sourceRef: { kind: "HelmRepository", name: "charts" } } };
      return { apiVersion: "helm.toolkit.fluxcd.io/v2", kind, metadata: meta, spec: { interval: "5m", chart } };
    }
    case "Application":
      return { apiVersion: "argoproj.io/v1alpha1", kind, metadata: meta, spec: app };
    case "ApplicationSet": {
      const template = { metadata: { name: "{{name}}" }, spec: app };
      return {
        apiVersion: "argoproj.io/v1alpha1",
        kind,
        metadata: meta,
        spec: { generators: [{ clusters: {} }], template },
      };
    }
  }
}

async function made(
  kind: OwnerKind,
  name: string,
  metadata?: object,
): Promise<PausedOwner & { readonly before: KubeObject }> {
  await cluster.create(manifest(kind, name, metadata));
  const owner = (await listOwners(kube)).find({ kind, namespace: ops, name });
  if (owner === undefined) throw new Error(`${kind} ${name} is not listed`);
  return { ...owner, before: await cluster.get(kind, ops, name) };
}

const bare = ({ metadata }: KubeObject): Record<string, string> => {
  const { "reconcile.fluxcd.io/requestedAt": _asked, ...rest } = metadata.annotations ?? {};
  return rest;
};

describe("an owner on the real API server, under its own CRD", () => {
  it.each(
    OWNER_KINDS.flatMap(
      (kind) =>
        [
          [kind, "bare", {}],
          [kind, "annotated", { annotations: { team: "shop" } }],
        ] as const,
    ),
  )("%s (%s) is paused under a record, twice is once, and is as it was afterwards", async (kind, name, metadata) => {
    const owner = await made(kind, `round-${name}`, metadata);

    await pauseOwners(deps, [owner], holder("run-1"), never);
    const paused = await cluster.get(kind, ops, owner.name);
    await pauseOwners(deps, [owner], holder("run-1"), never);
    const again = await cluster.get(kind, ops, owner.name);
    await resumeOwner(deps, owner, "run-1");
    const after = await cluster.get(kind, ops, owner.name);
    await resumeOwner(deps, owner, "run-1");

    expect([isPaused(kind, paused as never), pauseRecordOf(paused as never)?.run]).toEqual([true, "run-1"]);
    expect(again.metadata.resourceVersion).toBe(paused.metadata.resourceVersion);
    expect([after.spec, bare(after)]).toEqual([owner.before.spec, bare(owner.before)]);
    expect((await cluster.get(kind, ops, owner.name)).metadata.resourceVersion).toBe(after.metadata.resourceVersion);
  });

  it("is not resumed by another run, and its deadline is moved on by its own", async () => {
    const owner = await made("Application", "held");
    await pauseOwners(deps, [owner], holder("run-1"), never);

    await resumeOwner(deps, owner, "run-2");
    const renewed = await renewPause(deps, owner, { run: "run-1", deadline: "2030-01-01T00:00:00Z" });
    const foreign = await renewPause(deps, owner, { run: "run-2", deadline: "2031-01-01T00:00:00Z" });

    const record = pauseRecordOf((await cluster.get("Application", ops, "held")) as never);
    expect([renewed, foreign, record?.run, record?.deadline]).toEqual([true, false, "run-1", "2030-01-01T00:00:00Z"]);
  });

  it("makes a second restore wait, until the first one's time is over", async () => {
    const owner = await made("Kustomization", "shared");
    await pauseOwners(deps, [owner], holder("run-1"), never);
    await expect(pauseOwners(deps, [owner], holder("run-2"), never)).rejects.toMatchObject({ code: "OwnerHeld" });
    await renewPause(deps, owner, { run: "run-1", deadline: "2020-01-01T00:00:00Z" });

    await pauseOwners(deps, [owner], holder("run-2"), never);
    const taken = pauseRecordOf((await cluster.get("Kustomization", ops, "shared")) as never);
    await resumeOwner(deps, owner, "run-2");

    expect(taken).toMatchObject({ run: "run-2" });
    expect((await cluster.get("Kustomization", ops, "shared")).spec).toEqual(owner.before.spec);
  });

  it("is waited for while it is at work", async () => {
    const owner = await made("Kustomization", "busy");
    const reconciling = (status: string): object => ({
      status: {
        conditions: [
          {
            type: "Reconciling",
            status,
            reason: "Progressing",
            message: "",
            lastTransitionTime: "2026-11-20T02:00:00Z",
          },
        ],
      },
    });
    await cluster.patch("Kustomization", ops, "busy", reconciling("True"), { subresource: "status" });
    let isDone = false;

    const pausing = pauseOwners(deps, [owner], holder("run-1"), never).then(() => {
      isDone = true;
    });
    await cluster.waitFor("Kustomization", ops, "busy", ({ spec }) => (spec as { suspend?: boolean }).suspend === true);
    await systemClock.sleep(3000, never); // twice what an owner at rest takes
    const wasDone = isDone;
    await cluster.patch("Kustomization", ops, "busy", reconciling("False"), { subresource: "status" });
    await pausing;

    expect([wasDone, isDone]).toEqual([false, true]);
  });

  it("keeps a field that somebody set while it was paused", async () => {
    const owner = await made("Kustomization", "touched");
    await pauseOwners(deps, [owner], holder("run-1"), never);
    await cluster.patch("Kustomization", ops, "touched", { spec: { suspend: false, interval: "1h" } });

    await resumeOwner(deps, owner, "run-1");

    const after = await cluster.get("Kustomization", ops, "touched");
    const touched = { ...(owner.before.spec as object), suspend: false, interval: "1h" };
    expect([after.spec, bare(after)]).toEqual([touched, {}]);
    expect(formatOwner(owner)).toBe(`Kustomization ${ops}/touched`);
  });
});

describe("the samples of docs/gitops", () => {
  it.each(["application.yaml", "kustomization.yaml", "argocd-cm.yaml"])(
    "%s: the API server takes every document",
    async (file) => {
      const text = await readFile(new URL(`../../docs/gitops/${file}`, import.meta.url), "utf8");
      const objects = parseAllDocuments(text).map((document) => document.toJSON() as KubeObject);

      for (const { metadata, ...object } of objects) {
        const moved = { ...object, metadata: { ...metadata, namespace: ops } };
        const [group = "", version] = object.apiVersion.split("/");
        const base = version === undefined ? `/api/${group}` : `/apis/${object.apiVersion}`;
        const path = `${base}/namespaces/${ops}/${object.kind.toLowerCase()}s?dryRun=All&fieldValidation=Strict`;
        const answer = await cluster.request("POST", path, moved);
        expect([answer.status, answer.text.slice(0, 300)]).toEqual([201, expect.any(String)]);
      }
    },
  );
});
