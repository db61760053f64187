import { afterAll, beforeAll } from "vitest";
import { ARGO_NAMESPACE, type ArgoCd, startArgoCd } from "../../tools/testbed/gitops/argocd.ts";
import { argoCrds } from "../../tools/testbed/gitops/crds.ts";
import type { KubeObject } from "./kube-object.ts";
import type { TestCluster } from "./test-cluster.ts";

/** What an Application has in Git, and where it goes. */
export interface ApplicationSource {
  readonly repoUrl: string;
  /** Folder in the repository. */
  readonly path: string;
  /** Where objects go that name no namespace. */
  readonly namespace: string;
}

/** How Argo CD saw one object of an Application. */
export interface SeenResource {
  readonly kind: string;
  readonly name: string;
  readonly status?: string;
  readonly health?: { readonly status: string; readonly message?: string };
}

/** The real Argo CD of one test file, in the cluster of that file. */
export interface TestArgoCd {
  /** Tells it to look at Git now, as a webhook does. */
  refresh(name: string): Promise<void>;
  /** Lets it look, and resolves when it has compared `revision` and is Synced with it. */
  synced(name: string, revision: string): Promise<KubeObject>;
  /** What it says of the objects of an Application, by kind and name. */
  seen(name: string): Promise<Readonly<Record<string, SeenResource>>>;
}

/**
 * Starts the real Argo CD for a cluster: its CRDs, its settings and its controllers. `settings` are entries of its
 * ConfigMap `argocd-cm`. The first start builds it, which takes minutes.
 */
export function useArgoCd(cluster: TestCluster, settings: Readonly<Record<string, string>> = {}): TestArgoCd {
  let running: ArgoCd | undefined;
  beforeAll(async () => {
    await installArgoCd(cluster, settings);
    running = await startArgoCd(cluster.kubeconfigPath);
  });
  afterAll(() => running?.stop());
  const refresh = async (name: string): Promise<void> => {
    const annotations = { "argocd.argoproj.io/refresh": "normal" };
    await cluster.patch("Application", ARGO_NAMESPACE, name, { metadata: { annotations } });
  };
  return {
    refresh,
    synced: async (name, revision) => {
      await refresh(name);
      return await cluster.waitFor("Application", ARGO_NAMESPACE, name, (app) => isSynced(app, revision));
    },
    seen: async (name) => {
      const { status } = await cluster.get("Application", ARGO_NAMESPACE, name);
      const { resources = [] } = status as { resources?: readonly SeenResource[] };
      return Object.fromEntries(resources.map((each) => [`${each.kind} ${each.name}`, each]));
    },
  };
}

/** An Application that syncs, prunes and heals by itself. */
export function application(
  name: string,
  { repoUrl, path, namespace }: ApplicationSource,
  { metadata = {}, syncPolicy = {} }: { readonly metadata?: object; readonly syncPolicy?: object } = {},
): object {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name, namespace: ARGO_NAMESPACE, ...metadata },
    spec: {
      project: "default",
      source: { repoURL: repoUrl, path, targetRevision: "main" },
      destination: { server: "https://kubernetes.default.svc", namespace },
      syncPolicy: { automated: { prune: true, selfHeal: true }, ...syncPolicy },
    },
  };
}

function isSynced({ metadata, status }: KubeObject, revision: string): boolean {
  const { sync, operationState } = (status ?? {}) as {
    sync?: { status?: string; revision?: string };
    operationState?: { phase?: string };
  };
  const isLooking = metadata.annotations?.["argocd.argoproj.io/refresh"] !== undefined;
  const isAtWork = operationState?.phase === "Running";
  return !isLooking && !isAtWork && sync?.status === "Synced" && sync.revision === revision;
}

async function installArgoCd(cluster: TestCluster, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const crd of await argoCrds()) await cluster.applyYaml(crd);
  const metadata = (name: string): object => ({
    name,
    namespace: ARGO_NAMESPACE,
    labels: { "app.kubernetes.io/part-of": "argocd" },
  });
  const configMap = (name: string, data: object = {}): object => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadata(name),
    data,
  });
  const anything = [{ group: "*", kind: "*" }];
  const spec = {
    sourceRepos: ["*"],
    destinations: [{ server: "*", namespace: "*" }],
    clusterResourceWhitelist: anything,
    namespaceResourceWhitelist: anything,
  };
  await cluster.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: ARGO_NAMESPACE } },
    configMap("argocd-cm", settings),
    configMap("argocd-rbac-cm"),
    configMap("argocd-cmd-params-cm"),
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadata("argocd-secret"),
      stringData: { "server.secretkey": "of-nobody-here" },
    },
    { apiVersion: "argoproj.io/v1alpha1", kind: "AppProject", metadata: { ...metadata("default") }, spec },
  );
}
