/** An object as the API server returned it, parsed by `JSON.parse` (numbers beyond 2^53 are rounded). */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

/** The identifying part of an object that a test wrote. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string };
}

/** Reads the identity of what a test passed in. @throws when it is no manifest */
export function manifestOf(object: object): Manifest {
  const candidate = object as Partial<Manifest>;
  if (candidate.apiVersion === undefined || candidate.kind === undefined || candidate.metadata === undefined) {
    throw new Error(`not a Kubernetes object: ${JSON.stringify(object).slice(0, 200)}`);
  }
  return candidate as Manifest;
}
