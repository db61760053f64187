import type { GroupVersionResource, KubeObject, ObjectKey } from "../api/object.ts";

/**
 * The API server: raw JSON transport, discovery, paged LIST, watch with relist, patch. Knows no kind of our own and
 * decides nothing about backups or restores.
 *
 * What the rest of the product asks of the API server. Objects travel as raw JSON: bytes where they are copied, plain
 * values (numbers beyond a double tagged, see `api/json.ts`) where they are decided upon.
 */
export interface KubeClient {
  /** The object, or undefined when it does not exist. @throws {KubeUnavailable, KubeForbidden, KubeRejected} */
  get(gvr: GroupVersionResource, key: ObjectKey, signal?: AbortSignal): Promise<KubeObject | undefined>;
  /** The exact bytes of one object, or undefined when it does not exist. */
  getBytes(gvr: GroupVersionResource, key: ObjectKey, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Pages of a LIST, in server order; `key.namespace` "" lists all namespaces or a cluster-scoped resource. */
  listPages(gvr: GroupVersionResource, options?: ListOptions): AsyncIterable<ListPage>;
  /** Every item of a LIST as values, for small resources. */
  list(gvr: GroupVersionResource, options?: ListOptions): Promise<KubeObject[]>;
  /** @throws {KubeExists} when an object of that name exists (HTTP 409 AlreadyExists). */
  create(gvr: GroupVersionResource, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** The same; the answer comes unparsed, which nobody has looked at: it may be no JSON. */
  createBytes(gvr: GroupVersionResource, object: KubeObject, options?: WriteOptions): Promise<Uint8Array>;
  /** @throws {KubeConflict} on a lost race (409) or a failed JSON Patch `test` (422); @throws {KubeNotFound}. */
  patch(gvr: GroupVersionResource, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<KubeObject>;
  /** The same; the answer comes unparsed, as of `createBytes`. */
  patchBytes(gvr: GroupVersionResource, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<Uint8Array>;
  /** PUT of the whole object. @throws {KubeConflict, KubeNotFound} */
  replace(gvr: GroupVersionResource, object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** False when it was already gone. @throws {KubeConflict} when a precondition does not hold. */
  delete(gvr: GroupVersionResource, key: ObjectKey, options?: DeleteOptions): Promise<boolean>;
  /** What the server serves now. Cached by the client until `refresh`. */
  discovery(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<Discovery>;
  /** Runs a command in a container through the real exec protocol: one try. Output is cut at 64 KiB a stream. */
  exec(target: ExecTarget, signal?: AbortSignal): Promise<ExecResult>;
  /** GET of any path, parsed: `/version`; text that is no JSON (`/healthz`) comes as a string. */
  getPath(path: string, signal?: AbortSignal): Promise<unknown>;
  /**
   * Keeps `onEvent` told of a resource until the signal aborts, then resolves. Changes are hints; the truth is the
   * relist that opens it and is repeated, whatever happens to the watch in between. Events never overlap: the next one
   * waits until `onEvent` is done. Failures are logged and survived, but for 404 (kind not served) and 401/403.
   * @throws {KubeForbidden, KubeNotFound}
   */
  watchResource(
    gvr: GroupVersionResource,
    options: WatchOptions,
    onEvent: (event: WatchEvent) => void | Promise<void>,
  ): Promise<void>;
  /** Closes idle connections, so that a process can end. */
  close(): void;
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Between two relists, in ms; five minutes unless told. */
  readonly relistMs?: number;
  readonly signal: AbortSignal;
}

export type WatchEvent =
  /** Everything there is. `missed` counts the objects whose state the watch had not told: 0 on a healthy one. */
  | { readonly type: "listed"; readonly objects: readonly KubeObject[]; readonly missed: number }
  /** An object was made or changed. */
  | { readonly type: "changed"; readonly object: KubeObject }
  /** An object is gone; this was its last state. */
  | { readonly type: "deleted"; readonly object: KubeObject };

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Items a page; 500 unless told. */
  readonly limit?: number;
  /** True for a caller that keeps no bytes of a page when it asks for the next: their memory is then used again. */
  readonly passing?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * One page. `items` are byte-exact cuts out of the response body, in its order; they are views: keeping one keeps the
 * whole page, and of a `passing` LIST they are valid until the next page. `itemWithTypeMeta` (item-bytes.ts) gives an item as the archive stores it.
 */
export interface ListPage {
  readonly items: readonly Uint8Array[];
  /** For each item, which of `apiVersion` (bit 0) and `kind` (bit 1) it carries itself; absent: not looked at. */
  readonly typeMeta?: Uint8Array;
  /** `apiVersion` and `kind` of the items (the List's kind without `List`); items may lack or carry their own. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly resourceVersion: string;
  /** How many items the server says are left, where it says so. */
  readonly remaining: number | undefined;
  /** True from the page on that continued after a 410 by the server's inconsistent continue token. */
  readonly inconsistent: boolean;
}

export type Patch =
  | { readonly type: "json"; readonly operations: readonly unknown[] }
  | { readonly type: "merge"; readonly body: unknown }
  | { readonly type: "strategic"; readonly body: unknown }
  /** Server-side apply: `fieldManager` is needed, and makes the object where there is none. */
  | { readonly type: "apply"; readonly body: unknown; readonly force: boolean };

export interface WriteOptions {
  readonly subresource?: "status";
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  /** `Strict` for our own kinds (design §2); objects of others are restored with `Warn`. */
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore";
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** One served resource (no subresources), as aggregated discovery tells it. */
export interface ServedResource extends GroupVersionResource {
  readonly kind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** Whether `version` is the version the server prefers for this resource. */
  readonly preferred: boolean;
  /** Subresources served, such as `status`. */
  readonly subresources: readonly string[];
}

export interface Discovery {
  /** In the server's order of groups and versions; every served version of every resource. */
  readonly resources: readonly ServedResource[];
  /** Group versions the server could not tell about (a dead aggregated API), with the reason. */
  readonly failures: readonly { readonly groupVersion: string; readonly message: string }[];
}

export interface ExecTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

export type ExecResult =
  | { readonly type: "exited"; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  /** `forbidden`, `failed`: it never ran, or the server says that it failed. `lost`: the connection broke, and it may have run. */
  | {
      readonly type: "forbidden" | "failed" | "lost";
      readonly message: string;
      readonly stdout: string;
      readonly stderr: string;
    }
  /** The server was away, or refused for now: the command never began, and asking again is of use. */
  | { readonly type: "unreached"; readonly message: string; readonly stdout: string; readonly stderr: string }
  | { readonly type: "timedOut"; readonly stdout: string; readonly stderr: string };
