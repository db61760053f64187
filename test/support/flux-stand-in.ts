import { setTimeout as sleep } from "node:timers/promises";
import { fluxCrds } from "../../tools/testbed/gitops/crds.ts";
import type { KubeObject } from "./kube-object.ts";
import type { TestCluster } from "./test-cluster.ts";

/** What one Kustomization has in Git. */
export interface FluxApp {
  readonly namespace: string;
  readonly name: string;
  /** Objects in the namespaces they name, without Flux's labels. */
  readonly manifests: readonly object[];
}

const MANAGER = "kustomize-controller";

/**
 * A kustomize-controller reduced to what a restore meets, on the real API server and under Flux's own CRD: it applies
 * its manifests by server-side apply, with its labels and its field manager, writes the inventory, and looks again at
 * once, so that drift lives for milliseconds. It reads `spec.suspend` when it begins, and not after.
 */
export class FluxStandIn {
  readonly #cluster: TestCluster;
  readonly #apps: readonly FluxApp[];
  #loop: Promise<void> | undefined;
  #isStopped = false;

  constructor(cluster: TestCluster, apps: readonly FluxApp[]) {
    this.#cluster = cluster;
    this.#apps = apps;
  }

  /** Reconciles every app once, suspended ones not. */
  async reconcile(): Promise<void> {
    for (const app of this.#apps) await this.#reconcileOne(app);
  }

  /** From now on again and again. */
  start(): void {
    this.#isStopped = false;
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.reconcile();
      await sleep(5);
    }
  }

  async #reconcileOne({ namespace, name, manifests }: FluxApp): Promise<void> {
    const live = await this.#cluster.find("Kustomization", namespace, name);
    if (live === undefined || (live.spec as { suspend?: boolean }).suspend === true) return;
    for (const manifest of manifests) await this.#apply(manifest, { namespace, name });
    const status = {
      observedGeneration: live.metadata.generation,
      inventory: { entries: manifests.map((manifest) => ({ id: inventoryId(manifest as KubeObject), v: "v1" })) },
    };
    await this.#cluster.patch("Kustomization", namespace, name, { status }, { subresource: "status" });
  }

  async #apply(manifest: object, { namespace, name }: { namespace: string; name: string }): Promise<void> {
    const object = manifest as KubeObject;
    const prefix = "kustomize.toolkit.fluxcd.io";
    const labels = { [`${prefix}/name`]: name, [`${prefix}/namespace`]: namespace };
    const marked = { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } } };
    const path = pathOf(object);
    const headers = { "content-type": "application/apply-patch+yaml" };
    const answer = await this.#cluster.request(
      "PATCH",
      `${path}?fieldManager=${MANAGER}&force=true`,
      JSON.stringify(marked),
      { headers },
    );
    if (answer.status >= 300) throw new Error(`apply ${object.kind} ${object.metadata.name}: ${answer.text}`);
  }
}

/** Installs Flux's own CRDs. */
export async function installFlux(cluster: TestCluster): Promise<void> {
  for (const crd of await fluxCrds()) await cluster.applyYaml(crd);
}

/** A Kustomization as a person writes it. */
export function kustomization(namespace: string, name: string, spec: object = {}): object {
  return {
    apiVersion: "kustomize.toolkit.fluxcd.io/v1",
    kind: "Kustomization",
    metadata: { namespace, name },
    spec: {
      interval: "10m",
      path: `./apps/${name}`,
      prune: true,
      sourceRef: { kind: "GitRepository", name: "fleet" },
      ...spec,
    },
  };
}

function pathOf({ apiVersion, kind, metadata }: KubeObject): string {
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${base}/namespaces/${metadata.namespace}/${pluralOf(kind)}/${metadata.name}`;
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`.replace(/ys$/, "ies");
}

function inventoryId({ apiVersion, kind, metadata }: KubeObject): string {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  return `${metadata.namespace}_${metadata.name}_${group}_${kind}`;
}
