import { parseJson, stringifyJson } from "../api/json.ts";
import { type GroupVersionResource, type KubeObject, keyOf, type ObjectKey } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import type { Call, Caller } from "./caller.ts";
import type { DeleteOptions, KubeClient, Patch, WriteOptions } from "./client.ts";
import { isEcho } from "./echo.ts";
import { collectionPath, objectPath, type Query, refOf, withQuery } from "./paths.ts";
import { errorOf, errorOfGarble, errorOfLoss, isFailedPatchTest } from "./status.ts";

type ObjectVerbs = Pick<
  KubeClient,
  "get" | "getBytes" | "create" | "createBytes" | "patch" | "patchBytes" | "replace" | "delete" | "getPath"
>;

const JSON_TYPE = "application/json";
const PATCH_TYPE: Readonly<Record<Patch["type"], string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};
const NEWLINE = 0x0a;

/** The verbs on single objects. Effects are repeated only where a second time can't do harm; see each. */
export function createObjectVerbs(caller: Caller): ObjectVerbs {
  async function getBytes(
    gvr: GroupVersionResource,
    key: ObjectKey,
    signal?: AbortSignal,
  ): Promise<Buffer | undefined> {
    const call = {
      did: "get",
      ref: refOf(gvr, key),
      method: "GET",
      path: objectPath(gvr, key),
      repeatable: true,
      signal,
    } as const;
    const outcome = await caller.attempt(call);
    if (outcome.type === "lost") throw errorOfLoss(call.did, call.ref, outcome);
    if (outcome.status === 404) return undefined;
    if (outcome.status !== 200) throw errorOf(call.did, call.ref, outcome);
    const { body } = outcome;
    return body.at(-1) === NEWLINE ? body.subarray(0, -1) : body;
  }

  async function get(gvr: GroupVersionResource, key: ObjectKey, signal?: AbortSignal): Promise<KubeObject | undefined> {
    const bytes = await getBytes(gvr, key, signal);
    return bytes === undefined ? undefined : parsedObject(bytes, refOf(gvr, key));
  }

  return {
    get,
    getBytes,
    createBytes: (gvr, object, options = {}) => createObject(caller, gvr, object, options, getBytes),
    create: async (gvr, object, options = {}) =>
      parsedObject(await createObject(caller, gvr, object, options, getBytes), refOf(gvr, keyOf(object))),
    patchBytes: (gvr, key, patch, options = {}) => patchObject(caller, { gvr, key, patch, options }),
    patch: async (gvr, key, patch, options = {}) =>
      parsedObject(await patchObject(caller, { gvr, key, patch, options }), refOf(gvr, key)),
    replace: (gvr, object, options = {}) => replaceObject(caller, gvr, object, options),
    delete: (gvr, key, options = {}) => deleteObject(caller, gvr, key, options),
    async getPath(path, signal) {
      const answer = await caller.demand({ did: "get", ref: path, method: "GET", path, repeatable: true, signal });
      const isJson = String(answer.headers["content-type"] ?? "").startsWith(JSON_TYPE);
      return isJson ? parseJson(answer.body) : answer.body.toString();
    },
  };
}

/**
 * A POST of a named object is repeated after a lost answer: had the first one been done, the second is answered
 * AlreadyExists, and a look at the object tells whether it is what we sent.
 */
async function createObject(
  caller: Caller,
  gvr: GroupVersionResource,
  object: KubeObject,
  options: WriteOptions,
  getBytes: KubeClient["getBytes"],
): Promise<Uint8Array> {
  const key = keyOf(object);
  const ref = refOf(gvr, key);
  let doubted = false;
  const call: Call = {
    did: "create",
    ref,
    method: "POST",
    path: withQuery(collectionPath(gvr, key.namespace), writeQuery(options)),
    body: Buffer.from(stringifyJson(object)),
    contentType: JSON_TYPE,
    repeatable: Boolean(key.name) || options.dryRun === true,
    onDoubt: () => {
      doubted = true;
    },
    signal: options.signal,
  };
  const outcome = await caller.attempt(call);
  if (outcome.type === "lost") throw errorOfLoss("create", ref, outcome);
  if (outcome.status < 300) return outcome.body;
  const error = errorOf("create", ref, outcome);
  if (!doubted || error.code !== "KubeExists") throw error;
  const live = await getBytes(gvr, key, options.signal);
  if (live === undefined || !isEcho(object, parsedObject(live, ref))) throw error;
  return live;
}

interface PatchRequest {
  readonly gvr: GroupVersionResource;
  readonly key: ObjectKey;
  readonly patch: Patch;
  readonly options: WriteOptions;
}

/** Merge patches may be sent twice; a JSON Patch only where it opens with a `test`, which the second time refuses. */
async function patchObject(caller: Caller, { gvr, key, patch, options }: PatchRequest): Promise<Uint8Array> {
  const ref = refOf(gvr, key);
  const outcome = await caller.attempt({
    did: "patch",
    ref,
    method: "PATCH",
    path: withQuery(objectPath(gvr, key, options.subresource), { ...writeQuery(options), ...applyQuery(patch) }),
    body: Buffer.from(stringifyJson(patch.type === "json" ? patch.operations : patch.body)),
    contentType: PATCH_TYPE[patch.type],
    repeatable: patch.type !== "json" || opensWithTest(patch.operations) || options.dryRun === true,
    signal: options.signal,
  });
  if (outcome.type === "lost") throw errorOfLoss("patch", ref, outcome);
  if (outcome.status < 300) return outcome.body;
  if (patch.type === "json" && isFailedPatchTest(outcome)) {
    throw new CodedError("KubeConflict", { ref }, `cannot patch ${ref}: it is no longer what the patch was made for`, {
      cause: errorOf("patch", ref, outcome),
    });
  }
  throw errorOf("patch", ref, outcome);
}

function applyQuery(patch: Patch): Query {
  return patch.type === "apply" && patch.force ? { force: "true" } : {};
}

function opensWithTest(operations: readonly unknown[]): boolean {
  const first = operations[0];
  return typeof first === "object" && first !== null && "op" in first && first.op === "test";
}

/** A PUT may be sent twice: with a resourceVersion the second is refused, without one it changes nothing more. */
async function replaceObject(
  caller: Caller,
  gvr: GroupVersionResource,
  object: KubeObject,
  options: WriteOptions,
): Promise<KubeObject> {
  const key = keyOf(object);
  const ref = refOf(gvr, key);
  const answer = await caller.demand({
    did: "replace",
    ref,
    method: "PUT",
    path: withQuery(objectPath(gvr, key, options.subresource), writeQuery(options)),
    body: Buffer.from(stringifyJson(object)),
    contentType: JSON_TYPE,
    repeatable: true,
    signal: options.signal,
  });
  return parsedObject(answer.body, ref);
}

/** A DELETE may be sent twice: with a UID it can't hit another object of the name, and "gone" is what was asked. */
async function deleteObject(
  caller: Caller,
  gvr: GroupVersionResource,
  key: ObjectKey,
  options: DeleteOptions,
): Promise<boolean> {
  const ref = refOf(gvr, key);
  let doubted = false;
  const { uid, resourceVersion, propagationPolicy, dryRun } = options;
  const body = {
    kind: "DeleteOptions",
    apiVersion: "v1",
    preconditions: { uid, resourceVersion },
    propagationPolicy,
    dryRun: dryRun ? ["All"] : undefined,
  };
  const outcome = await caller.attempt({
    did: "delete",
    ref,
    method: "DELETE",
    path: objectPath(gvr, key),
    body: Buffer.from(JSON.stringify(body)),
    contentType: JSON_TYPE,
    repeatable: true,
    onDoubt: () => {
      doubted = true;
    },
    signal: options.signal,
  });
  if (outcome.type === "lost") throw errorOfLoss("delete", ref, outcome);
  if (outcome.status < 300) return true;
  if (outcome.status === 404) return doubted; // the lost answer may have been to our own deletion
  throw errorOf("delete", ref, outcome);
}

function writeQuery(options: WriteOptions): Query {
  return {
    dryRun: options.dryRun === true ? "All" : undefined,
    fieldManager: options.fieldManager,
    fieldValidation: options.fieldValidation,
  };
}

function parsedObject(bytes: Uint8Array, ref: string): KubeObject {
  try {
    return parseJson(bytes) as KubeObject;
  } catch (error) {
    throw errorOfGarble(ref, error);
  }
}
