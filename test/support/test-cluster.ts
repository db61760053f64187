import { randomBytes } from "node:crypto";
import { parseAllDocuments } from "yaml";
import {
  type ApiAnswer,
  type ApiCallOptions,
  type ApiConnection,
  callApi,
} from "../../tools/testbed/control-plane/api-call.ts";
import type { TlsIdentity } from "../../tools/testbed/http/recording-server.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { type KubeObject, manifestOf } from "./kube-object.ts";
import { pathOf, ServedKinds } from "./served-kinds.ts";

/** How to reach a test cluster as its administrator. */
export interface ClusterConnection extends ApiConnection {
  readonly kubeconfigPath: string;
  /** The API server's own certificate and key, for a proxy that clients take for the API server. */
  readonly tls: TlsIdentity;
}

/** The three patch types of the API server, and what they are called on the wire. */
const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

export interface PatchOptions {
  readonly type?: keyof typeof PATCH_TYPES;
  readonly subresource?: string;
}

/**
 * A real cluster as tests use it. `kind` is `ConfigMap`, or `Deployment.apps` where the name alone could mean two; the
 * namespace of a cluster-scoped kind is undefined. Every method but `request` and `find` throws unless the API server
 * says yes.
 */
export class TestCluster {
  readonly #connect: () => ClusterConnection;
  readonly #kinds: ServedKinds;
  readonly #namespaces: string[] = [];

  constructor(connect: () => ClusterConnection) {
    this.#connect = connect;
    this.#kinds = new ServedKinds(connect);
  }

  get connection(): ClusterConnection {
    return this.#connect();
  }

  get kubeconfigPath(): string {
    return this.#connect().kubeconfigPath;
  }

  /** Such as `https://127.0.0.1:23456`. */
  get server(): string {
    return this.#connect().server;
  }

  /** Sends anything and returns what was answered, whatever the status. */
  async request(method: string, path: string, body?: object | string, options?: ApiCallOptions): Promise<ApiAnswer> {
    return await callApi(this.#connect(), method, path, body, options);
  }

  /**
   * Makes a namespace with a name of its own; it is deleted after the test file. Resolves once the controllers have put
   * into it what every namespace has, so that it is what a backup copies and a restore counts from the first look on.
   */
  async createNamespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const name = uniqueName("t");
    await this.#send("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    this.#namespaces.push(name);
    await this.waitUntilComplete(name);
    return name;
  }

  /** Waits until a namespace has the certificate and the account that the controllers put into each. */
  async waitUntilComplete(namespace: string, timeoutMs?: number): Promise<void> {
    await this.waitFor("ConfigMap", namespace, "kube-root-ca.crt", undefined, timeoutMs);
    await this.waitFor("ServiceAccount", namespace, "default", undefined, timeoutMs);
  }

  /** POSTs an object as it is. A refusal is an error with the server's message. */
  async create(object: object, fieldManager = "test"): Promise<KubeObject> {
    const { apiVersion, kind, metadata } = manifestOf(object);
    const served = await this.#kinds.find(kind, apiVersion);
    const path = pathOf(served, metadata.namespace);
    return (await this.#send("POST", `${path}?fieldManager=${fieldManager}`, object)) as KubeObject;
  }

  /** Creates or updates objects in order, by server-side apply. Waits until an applied CRD is served. */
  async apply(...objects: readonly object[]): Promise<KubeObject[]> {
    const applied: KubeObject[] = [];
    for (const object of objects) applied.push(await this.#applyOne(object));
    return applied;
  }

  /** Applies every document of a YAML text. */
  async applyYaml(yaml: string): Promise<KubeObject[]> {
    const documents = parseAllDocuments(yaml).map((document) => document.toJSON() as object | null);
    return await this.apply(...documents.filter((document) => document !== null));
  }

  async get(kind: string, namespace: string | undefined, name: string): Promise<KubeObject> {
    return (await this.#send("GET", await this.#path(kind, namespace, name))) as KubeObject;
  }

  /** Like `get`; undefined when there is no such object. */
  async find(kind: string, namespace: string | undefined, name: string): Promise<KubeObject | undefined> {
    const answer = await this.request("GET", await this.#path(kind, namespace, name));
    if (answer.status === 404) return undefined;
    return (await okBody(answer, `GET ${kind} ${name}`)) as KubeObject;
  }

  /** All objects of a kind, in the namespace or everywhere. */
  async list(kind: string, namespace?: string, labelSelector?: string): Promise<KubeObject[]> {
    const query = labelSelector === undefined ? "" : `?labelSelector=${encodeURIComponent(labelSelector)}`;
    const list = (await this.#send("GET", (await this.#path(kind, namespace)) + query)) as { items: KubeObject[] };
    return list.items;
  }

  /** Patches an object; a merge patch unless told otherwise. */
  async patch(
    kind: string,
    namespace: string | undefined,
    name: string,
    patch: object,
    options: PatchOptions = {},
  ): Promise<KubeObject> {
    const path = await this.#path(kind, namespace, name);
    const subresource = options.subresource === undefined ? "" : `/${options.subresource}`;
    const headers = { "content-type": PATCH_TYPES[options.type ?? "merge"] };
    return (await this.#send("PATCH", path + subresource, patch, { headers })) as KubeObject;
  }

  /**
   * Deletes an object and waits until it is gone, and the kind of a CRD with it, unless told not to. An absent object is
   * fine.
   */
  async delete(
    kind: string,
    namespace: string | undefined,
    name: string,
    { wait = true }: { readonly wait?: boolean } = {},
  ): Promise<void> {
    const path = await this.#path(kind, namespace, name);
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
    const answer = await this.request("DELETE", path, body);
    if (answer.status !== 404) await okBody(answer, `DELETE ${path}`);
    if (!wait) return;
    await this.waitUntilGone(kind, namespace, name);
    if (kind === "CustomResourceDefinition") await this.#waitUntilUnserved(name);
  }

  /** Waits until no such object exists. */
  async waitUntilGone(kind: string, namespace: string | undefined, name: string, timeoutMs = 60_000): Promise<void> {
    const gone = async () => (await this.find(kind, namespace, name)) === undefined;
    await waitUntil(gone, { what: `${kind} ${namespace ?? ""}/${name} is gone`, timeoutMs, intervalMs: 100 });
  }

  /** Waits until the object exists and satisfies the condition; resolves to it. */
  async waitFor(
    kind: string,
    namespace: string | undefined,
    name: string,
    condition: (object: KubeObject) => boolean = () => true,
    timeoutMs = 60_000,
  ): Promise<KubeObject> {
    let last: KubeObject | undefined;
    const what = `${kind} ${namespace ?? ""}/${name} is as the test expects`;
    const check = async () => {
      last = await this.find(kind, namespace, name);
      return last !== undefined && condition(last) ? last : undefined;
    };
    return await waitUntil(check, { what, timeoutMs, intervalMs: 100 }).catch((error: unknown) => {
      throw new Error(`${String(error)}; it was ${JSON.stringify(last, undefined, 1)}`, { cause: error });
    });
  }

  /** Waits until a user may read a path: the authorizer learns of new roles a moment after they are made. */
  async waitUntilAllowed(user: string, path: string): Promise<void> {
    const options = { headers: { "impersonate-user": user } };
    const isAllowed = async () => (await this.request("GET", path, undefined, options)).status === 200;
    await waitUntil(isAllowed, { what: `${user} may read ${path}` });
  }

  /** A token of a service account, for clients with that account's rights only. */
  async serviceAccountToken(namespace: string, name: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const answer = (await this.#send("POST", path, { spec: {} })) as { status: { token: string } };
    return answer.status.token;
  }

  /** Starts the deletion of this test file's namespaces, and does not wait for its end. */
  async cleanUp(): Promise<void> {
    const deletions = this.#namespaces.splice(0).map((name) => this.request("DELETE", `/api/v1/namespaces/${name}`));
    await Promise.allSettled(deletions);
  }

  async #applyOne(object: object): Promise<KubeObject> {
    const { apiVersion, kind, metadata } = manifestOf(object);
    const path = pathOf(await this.#kinds.find(kind, apiVersion), metadata.namespace, metadata.name);
    const headers = { "content-type": "application/apply-patch+yaml" };
    const applied = await this.#send("PATCH", `${path}?fieldManager=test&force=true`, object, { headers });
    if (kind === "CustomResourceDefinition") await this.#waitUntilServed(applied as KubeObject);
    return applied as KubeObject;
  }

  /** Established is not enough: the handler of a fresh kind answers 404 for a moment more. */
  async #waitUntilServed(crd: KubeObject): Promise<void> {
    const spec = crd.spec as {
      group: string;
      names: { plural: string };
      versions: { name: string; served: boolean }[];
    };
    for (const { name } of spec.versions.filter((version) => version.served)) {
      const served = await this.#kinds.find(spec.names.plural, `${spec.group}/${name}`);
      await waitUntil(async () => (await this.request("GET", pathOf(served, undefined))).status === 200, {
        what: `${crd.metadata.name} ${name} is served`,
      });
    }
  }

  /** The server goes on to serve a kind for a moment after its CRD has gone. */
  async #waitUntilUnserved(crd: string): Promise<void> {
    const isUnserved = async () => !(await this.#kinds.isServed(crd));
    await waitUntil(isUnserved, { what: `${crd} is no longer served`, intervalMs: 100 });
  }

  async #path(kind: string, namespace: string | undefined, name?: string): Promise<string> {
    return pathOf(await this.#kinds.find(kind), namespace, name);
  }

  async #send(method: string, path: string, body?: object, options?: ApiCallOptions): Promise<unknown> {
    const what = `${method} ${path}`;
    // A CRD that is Established may still say "storage is (re)initializing": 429 means that nothing was done.
    const answer = await waitUntil(
      async () => {
        const each = await this.request(method, path, body, options);
        return each.status !== 429 && each;
      },
      { what: `${what} is not answered 429`, intervalMs: 200 },
    );
    return await okBody(answer, what);
  }
}

/** A DNS label that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString("hex")}`;
}

async function okBody(answer: ApiAnswer, what: string): Promise<unknown> {
  if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
  throw new Error(`${what} was answered ${answer.status}: ${answer.text.slice(0, 1000)}`);
}
