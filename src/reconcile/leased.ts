/** Adapters that write only while the lease is held: each asks before a write, and a lost lease ends what is in flight. */
import type { GitRemote } from "../git/remote.ts";
import type { KubeClient, WriteOptions } from "../kube/client.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Leadership } from "./lease.ts";

type Held = Pick<Leadership, "assertHeld" | "lost">;

/**
 * The API server, for the leader. Commands in pods are held back too: the next leader runs the post hooks that are still
 * owed, and what has begun goes on in its container in any case.
 */
export function leasedKube(kube: KubeClient, lease: Held): KubeClient {
  const held = <O extends WriteOptions | { readonly signal?: AbortSignal }>(options: O | undefined) => {
    lease.assertHeld();
    return { ...options, signal: either(lease, options?.signal) };
  };
  return {
    ...kube,
    create: async (gvr, object, options) => await kube.create(gvr, object, held(options)),
    createBytes: async (gvr, object, options) => await kube.createBytes(gvr, object, held(options)),
    patch: async (gvr, key, patch, options) => await kube.patch(gvr, key, patch, held(options)),
    patchBytes: async (gvr, key, patch, options) => await kube.patchBytes(gvr, key, patch, held(options)),
    replace: async (gvr, object, options) => await kube.replace(gvr, object, held(options)),
    delete: async (gvr, key, options) => await kube.delete(gvr, key, held(options)),
    exec: async (target, signal) => {
      lease.assertHeld();
      return await kube.exec(target, either(lease, signal));
    },
  };
}

/** A location, for the leader. */
export function leasedStore(store: ObjectStore, lease: Held): ObjectStore {
  return {
    location: store.location,
    put: async (key, body, options) => {
      lease.assertHeld();
      return await store.put(key, body, { ...options, signal: either(lease, options?.signal) });
    },
    delete: async (key, signal) => {
      lease.assertHeld();
      await store.delete(key, either(lease, signal));
    },
    abortUploads: async (key, signal) => {
      lease.assertHeld();
      return await store.abortUploads(key, either(lease, signal));
    },
    get: (key, signal) => store.get(key, signal),
    getRange: (key, offset, length, signal) => store.getRange(key, offset, length, signal),
    head: (key, signal) => store.head(key, signal),
    list: (prefix, signal) => store.list(prefix, signal),
    listPrefixes: (prefix, signal) => store.listPrefixes(prefix, signal),
  };
}

/** A remote, for the leader. */
export function leasedRemote(remote: GitRemote, lease: Held): GitRemote {
  return {
    ...remote,
    commitIfChanged: async (request) => {
      lease.assertHeld();
      return await remote.commitIfChanged({ ...request, signal: either(lease, request.signal) });
    },
  };
}

function either({ lost }: Held, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? lost : AbortSignal.any([signal, lost]);
}
