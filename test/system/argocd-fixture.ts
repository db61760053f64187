import { afterEach, beforeEach } from "vitest";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import { ARGO_NAMESPACE } from "../../tools/testbed/gitops/argocd.ts";
import { type PastState, statesSince } from "../e2e/owners-fixture.ts";
import { type Installation, locationYaml, policyYaml, restoreYaml, useInstallation } from "../e2e/run-fixture.ts";
import type { KubeObject } from "../support/kube-object.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { application, type TestArgoCd, useArgoCd } from "../support/use-argocd.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

/** Where the API server lists Applications. */
export const APPLICATIONS = `/apis/argoproj.io/v1alpha1/namespaces/${ARGO_NAMESPACE}/applications`;
/** The annotation of an Application that Argo CD leaves alone. */
export const SKIP = "argocd.argoproj.io/skip-reconcile";

/**
 * What the Application `shop` applies: a ConfigMap `web`, blue in the backup and red in Git, and one called `old`, which
 * is in the backup and not in Git any more.
 */
export interface ArgoShop {
  readonly cluster: TestCluster;
  readonly holdfast: Installation;
  readonly argo: TestArgoCd;
  /** The namespace of the maps. */
  readonly namespace: string;
  readonly backup: string;
  /** What Argo CD reads. */
  readonly fleet: HostedRepository;
  /** Commits objects to the fleet, each by its path; null deletes a file. Resolves to the revision. */
  commit(objects: Readonly<Record<string, object | null>>): Promise<string>;
  /** The Application, as people write it. */
  manifest(annotations?: Readonly<Record<string, string>>): KubeObject;
  /** Asks for a restore of the maps. */
  declareRestore(extra?: string): Promise<void>;
  /** The RestorePlan of that restore. */
  plan(): Promise<KubeObject>;
  /** All of an Application, or of an ApplicationSet, that people and Git write. */
  written(name: string, kind?: string): Promise<object>;
  /** What became of `web` and of each Application since, in the order in which it happened; first states are no news. */
  history(since: string): Promise<string[]>;
  waitForColour(colour: string, namespace?: string): Promise<void>;
}

/** Starts all that is needed, and gives each test a shop of its own; `settings` go into Argo CD's own ConfigMap. */
export function useArgoShop(settings: Readonly<Record<string, string>> = {}): ArgoShop {
  const cluster = usePrivateCluster();
  const git = useGitServer();
  const holdfast = useInstallation(cluster);
  const argo = useArgoCd(cluster, settings);
  let fleet: HostedRepository;
  let namespace = "";
  let backup = "";

  const shop: ArgoShop = {
    cluster,
    holdfast,
    argo,
    get namespace() {
      return namespace;
    },
    get backup() {
      return backup;
    },
    get fleet() {
      return fleet;
    },
    commit: async (objects) => {
      const texts = Object.entries(objects).map(([path, object]) => [path, object && JSON.stringify(object)]);
      const files = Object.fromEntries(texts) as Record<string, string | null>;
      return await fleet.repository.commit({ message: "Change the fleet", files });
    },
    manifest: (annotations = { team: "shop" }) =>
      application("shop", { repoUrl: fleet.url, path: "shop", namespace }, { metadata: { annotations } }) as KubeObject,
    declareRestore: async (extra = "") => {
      const spec = `  includedResources: [configmaps]\n${extra}`;
      await holdfast.commit({ "restore.yaml": restoreYaml(holdfast.namespace, "bring-back", backup, spec) });
    },
    plan: async () => await cluster.get("RestorePlan", holdfast.namespace, "bring-back"),
    written: async (name, kind = "Application") => {
      const { metadata, spec } = await cluster.get(kind, ARGO_NAMESPACE, name);
      const { annotations, labels, finalizers } = metadata as KubeObject["metadata"] & { finalizers?: string[] };
      return { annotations, labels, finalizers, spec };
    },
    history: async (since) => await historyOf(cluster, namespace, since),
    waitForColour: async (colour, where = namespace) => {
      await cluster.waitFor("ConfigMap", where, "web", (object) => colourOf(object) === colour);
    },
  };

  beforeEach(async () => {
    fleet = await git.createRepository();
    namespace = await cluster.createNamespace();
    const [web, old] = ["web", "old"].map((name) => map(namespace, name, "blue"));
    const begun = await shop.commit({ "shop/web.yaml": web ?? null, "shop/old.yaml": old ?? null });
    await cluster.create(shop.manifest());
    await argo.synced("shop", begun);
    backup = await backUp(cluster, holdfast, namespace);
    const broken = await shop.commit({ "shop/web.yaml": map(namespace, "web", "red"), "shop/old.yaml": null });
    await argo.synced("shop", broken);
  });
  afterEach(async () => {
    for (const kind of ["ApplicationSet", "Application"]) {
      // in this order, or they would be made again
      for (const { metadata } of await cluster.list(kind, ARGO_NAMESPACE)) {
        await cluster.delete(kind, ARGO_NAMESPACE, metadata.name);
      }
    }
  });
  return shop;
}

async function backUp(cluster: TestCluster, holdfast: Installation, included: string): Promise<string> {
  const { namespace, bucket } = holdfast;
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", included),
  });
  await holdfast.once();
  return (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
}

/** A ConfigMap. */
export function map(namespace: string, name: string, colour: string): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { colour } };
}

/** What a ConfigMap of `map` says. */
export function colourOf(object: KubeObject): string {
  return (object as unknown as { data: { colour: string } }).data.colour;
}

/** Every state of every Application since a version; the one that ends the history is none that Argo CD looks at. */
export async function applicationsSince(cluster: TestCluster, version: string): Promise<PastState[]> {
  const nowhere = { repoUrl: "https://git.example.com/none.git", path: ".", namespace: "default" };
  const template = application("of no account", nowhere, { metadata: { annotations: { [SKIP]: "true" } } });
  return await statesSince(cluster, APPLICATIONS, { version, template });
}

async function historyOf(cluster: TestCluster, namespace: string, since: string): Promise<string[]> {
  const template = map(namespace, "of no account", "blue");
  const maps = (await statesSince(cluster, `/api/v1/namespaces/${namespace}/configmaps`, { version: since, template }))
    .filter(({ object }) => object.metadata.name === "web")
    .map(({ version, object }) => ({ version, subject: "web", state: colourOf(object) }));
  const owners = (await applicationsSince(cluster, since)).map(({ version, object }) => ({
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
