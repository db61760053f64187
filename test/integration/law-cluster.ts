/** Drawn clusters made, changed, read and wiped on a real API server, settled by its controllers. */
import type { KubeObject } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { type TestCluster, uniqueName } from "../support/test-cluster.ts";
import { type Drawn, type Edit, manifest, type Places, volumeFor } from "./law-objects.ts";

const CLAIM = "PersistentVolumeClaim";
const VOLUME = "PersistentVolume";

/** What a test does with a drawn cluster. */
export class LawCluster {
  readonly #cluster: TestCluster;
  readonly #group: string;

  /** `group` is that of the custom kind. */
  constructor(cluster: TestCluster, group: string) {
    this.#cluster = cluster;
    this.#group = group;
  }

  /** Two namespaces and a prefix that no other run uses. */
  async places(): Promise<Places> {
    const namespaces = [await this.#cluster.createNamespace(), await this.#cluster.createNamespace()];
    return { namespaces, prefix: uniqueName("law"), group: this.#group };
  }

  /** Makes them all, and waits until pods run and claims are bound. */
  async create(places: Places, all: readonly Drawn[]): Promise<void> {
    for (const drawn of all) await this.#createOne(places, drawn);
    await this.settle(places.namespaces);
  }

  async change(places: Places, object: Drawn, edit: Edit): Promise<void> {
    const { kind, metadata } = manifest(places, object);
    if (edit.type === "relabel") {
      const { labels } = edit;
      await this.#cluster.patch(this.#kindOf(kind), metadata.namespace, metadata.name, { metadata: { labels } });
    }
    if (edit.type === "redraw" || edit.type === "delete") await this.#remove(places, object);
    if (edit.type === "redraw") await this.#createOne(places, edit.to);
  }

  /** Takes away the objects and every volume of their claims. */
  async wipe(places: Places, all: readonly Drawn[]): Promise<void> {
    const volumes = await this.#volumesIn(places.namespaces);
    for (const drawn of all) await this.#remove(places, drawn);
    for (const name of volumes) await this.#cluster.delete(VOLUME, undefined, name);
  }

  /** What stands at the place of each, whole, and the volumes of the claims among them. */
  async read(kube: KubeClient, places: Places, all: readonly Drawn[]): Promise<KubeObject[]> {
    const { resources } = await kube.discovery();
    const get = async ({ apiVersion, kind, metadata }: KubeObject): Promise<KubeObject> => {
      const served = resources.find(
        (each) => each.kind === kind && apiVersion === (each.group === "" ? "v1" : `${each.group}/v1`),
      );
      const key = { namespace: metadata.namespace ?? "", name: metadata.name };
      const live = served && (await kube.get(served, key));
      if (live === undefined) throw new Error(`${kind} ${metadata.namespace ?? ""}/${metadata.name} is not there`);
      return live;
    };
    const objects = await Promise.all(all.map((drawn) => get(manifest(places, drawn))));
    const names = objects.filter(({ kind }) => kind === CLAIM).map(volumeOf);
    const volumes = await Promise.all(
      names.filter((name) => name !== undefined).map(async (name) => await this.#cluster.find(VOLUME, undefined, name)),
    );
    return [...objects, ...(volumes.filter((volume) => volume !== undefined) as KubeObject[])];
  }

  /** Waits until no controller has anything left to run, to bind or to let go of. */
  async settle(namespaces: readonly string[]): Promise<void> {
    await waitUntil(async () => (await this.#unsettled(namespaces)) === undefined, {
      what: `the claims of ${namespaces.join(" and ")} are settled`,
      timeoutMs: 60_000,
      intervalMs: 100,
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${await this.#unsettled(namespaces)}`, { cause: error });
    });
  }

  async #createOne(places: Places, drawn: Drawn): Promise<void> {
    const volume = volumeFor(places, drawn);
    if (volume !== undefined) {
      await this.#cluster.delete(VOLUME, undefined, volume.metadata.name);
      await this.#cluster.create(volume);
    }
    await this.#cluster.create(manifest(places, drawn));
  }

  async #remove(places: Places, drawn: Drawn): Promise<void> {
    const { kind, metadata } = manifest(places, drawn);
    await this.#cluster.delete(this.#kindOf(kind), metadata.namespace, metadata.name);
    if (kind === CLAIM) await this.settle(places.namespaces);
  }

  #kindOf(kind: string): string {
    return kind === "Law" ? `Law.${this.#group}` : kind;
  }

  async #volumesIn(namespaces: readonly string[]): Promise<string[]> {
    const volumes = await this.#cluster.list(VOLUME);
    return volumes
      .filter((volume) => namespaces.includes(claimOf(volume).namespace))
      .map(({ metadata }) => metadata.name);
  }

  async #unsettled(namespaces: readonly string[]): Promise<string | undefined> {
    const pods = (await Promise.all(namespaces.map((namespace) => this.#cluster.list("Pod", namespace)))).flat();
    const starting = pods.find((pod) => isScheduled(pod) && phaseOf(pod) !== "Running");
    if (starting !== undefined) return `pod ${starting.metadata.name} does not run yet`;
    const claims = (await Promise.all(namespaces.map((namespace) => this.#cluster.list(CLAIM, namespace)))).flat();
    const volumes = await this.#cluster.list(VOLUME);
    const classes = await this.#cluster.list("StorageClass");
    const provides = ({ spec }: object & { spec?: unknown }): boolean => {
      const { storageClassName } = spec as { storageClassName?: string };
      const found = classes.find(({ metadata }) => metadata.name === storageClassName);
      return found?.provisioner === "kubernetes.io/host-path" && found.volumeBindingMode === "Immediate";
    };
    const isOf = (volume: object, claim: { metadata: { namespace?: string; name: string } }): boolean =>
      claimOf(volume).namespace === claim.metadata.namespace && claimOf(volume).name === claim.metadata.name;
    for (const claim of claims) {
      const name = volumeOf(claim as KubeObject);
      const volume = volumes.find((each) =>
        name === undefined ? isOf(each, claim) : each.metadata.name === name && isOf(each, claim),
      );
      const comes = volume !== undefined || (name === undefined && provides(claim));
      if (comes && !(isBound(claim) && volume !== undefined && isBound(volume)))
        return `claim ${claim.metadata.name} waits for ${name ?? "a volume"}`;
    }
    for (const volume of volumes.filter((each) => namespaces.includes(claimOf(each).namespace))) {
      const { persistentVolumeReclaimPolicy: policy, claimRef } = volume.spec as Record<string, unknown>;
      const hasClaim = claims.some((claim) => isOf(volume, claim));
      // One that never was bound waits for its claim.
      if (hasClaim || (claimRef as { uid?: string }).uid === undefined) continue;
      if (policy === "Delete" || phaseOf(volume) !== "Released") return `volume ${volume.metadata.name} is let go of`;
    }
    return undefined;
  }
}

function volumeOf({ spec }: KubeObject): string | undefined {
  return (spec as { volumeName?: string }).volumeName;
}

function claimOf(volume: object): { readonly namespace: string; readonly name: string } {
  const { claimRef } = (volume as { spec: { claimRef?: { namespace: string; name: string } } }).spec;
  return claimRef ?? { namespace: "", name: "" };
}

function isScheduled({ spec }: object & { spec?: unknown }): boolean {
  return (spec as { schedulerName?: string }).schedulerName === "default-scheduler";
}

function isBound(object: object): boolean {
  return phaseOf(object) === "Bound";
}

function phaseOf(object: object): string | undefined {
  return (object as { status?: { phase?: string } }).status?.phase;
}
