import { type ApiConnection, callApi } from "../../tools/testbed/control-plane/api-call.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { TestCluster } from "./test-cluster.ts";

/** One served kind. */
export interface ServedKind {
  readonly apiVersion: string;
  readonly group: string;
  readonly kind: string;
  /** The plural. */
  readonly resource: string;
  readonly namespaced: boolean;
}

interface Discovery {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly scope: string;
        readonly responseKind?: { readonly kind: string };
      }[];
    }[];
  }[];
}

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** Knows the API server's kinds by name; asks again when it meets one that it does not know. */
export class ServedKinds {
  readonly #connection: () => ApiConnection;
  #kinds: readonly ServedKind[] = [];

  constructor(connection: () => ApiConnection) {
    this.#connection = connection;
  }

  /**
   * Finds a kind by `ConfigMap`, `Deployment.apps`, or the plural (`deployments`, `deployments.apps`). The core group
   * goes first, then the server's order. A kind whose CRD is fresh may take a moment, so this waits for it.
   */
  async find(name: string, apiVersion?: string): Promise<ServedKind> {
    const known = this.#lookUp(name, apiVersion);
    if (known !== undefined) return known;
    return await waitUntil(
      async () => {
        await this.#refresh();
        return this.#lookUp(name, apiVersion);
      },
      { what: `the API server serves ${name} ${apiVersion ?? ""}`, timeoutMs: 60_000, intervalMs: 200 },
    );
  }

  /** Whether the server tells of `<plural>.<group>` right now. */
  async isServed(name: string): Promise<boolean> {
    await this.#refresh();
    return this.#lookUp(name, undefined) !== undefined;
  }

  #lookUp(name: string, apiVersion: string | undefined): ServedKind | undefined {
    const [plain, group] = splitOnce(name);
    return this.#kinds.find(
      (candidate) =>
        (candidate.kind === plain || candidate.resource === plain) &&
        (group === undefined || candidate.group === group) &&
        (apiVersion === undefined || candidate.apiVersion === apiVersion),
    );
  }

  async #refresh(): Promise<void> {
    const roots = await Promise.all(
      ["/api", "/apis"].map(async (path) => {
        const answer = await callApi(this.#connection(), "GET", path, undefined, { headers: { accept: AGGREGATED } });
        return kindsOf(JSON.parse(answer.text) as Discovery);
      }),
    );
    this.#kinds = roots.flat();
  }
}

/** The path of a kind's collection, or of one object in it. */
export function pathOf(served: ServedKind, namespace: string | undefined, name?: string): string {
  const root = served.group === "" ? `/api/${served.apiVersion}` : `/apis/${served.apiVersion}`;
  const scope = served.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `${root}${scope}/${served.resource}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

/** The API groups that the server brings itself: they neither come nor go while it runs. */
export async function builtInGroups(cluster: TestCluster): Promise<ReadonlySet<string>> {
  const services = await cluster.list("APIService", undefined, "kube-aggregator.kubernetes.io/automanaged=onstart");
  return new Set(services.map(({ spec }) => (spec as { readonly group?: string }).group ?? ""));
}

function kindsOf(discovery: Discovery): ServedKind[] {
  return discovery.items.flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources = [] }) =>
      resources.map((entry) => ({
        group: metadata.name ?? "",
        apiVersion: metadata.name === undefined ? version : `${metadata.name}/${version}`,
        kind: entry.responseKind?.kind ?? "",
        resource: entry.resource,
        namespaced: entry.scope === "Namespaced",
      })),
    ),
  );
}

function splitOnce(name: string): [string, string | undefined] {
  const dot = name.indexOf(".");
  return dot === -1 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
}
