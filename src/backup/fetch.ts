/** Fetches named objects into the archive: one by one while they are few, by one LIST when they are many. */
import type { ObjectKey } from "../api/object.ts";
import { isCoded } from "../errors.ts";
import { itemWithTypeMeta } from "../kube/item-bytes.ts";
import { nameOfItem } from "./item-name.ts";
import type { PlannedResource } from "./plan.ts";
import { forEachBounded } from "./pool.ts";
import { type ArchiveOptions, archiveItem, type BackupRun, noteUnlisted } from "./run.ts";

export interface FetchOptions extends ArchiveOptions {
  /** One after another, in the order given. */
  readonly inOrder?: boolean;
  /** An object that is not there is worth a warning; of those that were asked for by name only. */
  readonly warnMissing?: boolean;
}

/** Archives the objects that exist; failures are errors of the run. */
export async function fetchObjects(
  run: BackupRun,
  resource: PlannedResource,
  keys: readonly ObjectKey[],
  options: FetchOptions = {},
): Promise<void> {
  run.progress.expect(keys.length);
  if (options.inOrder !== true && keys.length > run.limits.relatedGets) await fetchByList(run, resource, keys, options);
  else
    await forEachBounded(keys, options.inOrder === true ? 1 : run.limits.gets, (key) =>
      fetchOne(run, resource, key, options),
    );
}

async function fetchOne(
  run: BackupRun,
  resource: PlannedResource,
  key: ObjectKey,
  options: FetchOptions,
): Promise<void> {
  const subject = { namespace: key.namespace, resource: resource.name, name: key.name };
  let body: Uint8Array | undefined;
  try {
    body = await run.kube.getBytes(resource, key, run.signal);
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    run.journal.error("could not get", { ...subject, error });
    return;
  }
  if (body !== undefined) return archiveItem(run, resource, body, options);
  run.progress.expect(-1);
  if (options.ordered === true) noteUnlisted(run, resource, key);
  if (options.warnMissing === true) run.journal.warn("another object needs this one, and it does not exist", subject);
}

async function fetchByList(
  run: BackupRun,
  resource: PlannedResource,
  keys: readonly ObjectKey[],
  options: FetchOptions,
): Promise<void> {
  const missing = new Map(keys.map((key) => [`${key.namespace}/${key.name}`, key]));
  const namespaces = new Set(keys.map((key) => key.namespace));
  const [only = ""] = namespaces;
  try {
    const pages = run.kube.listPages(resource, {
      namespace: namespaces.size === 1 ? only : "",
      limit: run.limits.pageSize,
      signal: run.signal,
    });
    for await (const page of pages) {
      for (let index = 0; index < page.items.length; index++) {
        const body = itemWithTypeMeta(page, index);
        if (missing.delete(nameOfItem(body))) await archiveItem(run, resource, body, options);
      }
    }
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    if (!isCoded(error, "KubeNotFound"))
      run.journal.error("could not list", { namespace: "", resource: resource.name, error });
    return;
  }
  run.progress.expect(-missing.size);
  if (options.warnMissing !== true) return;
  for (const { namespace, name } of missing.values()) {
    run.journal.warn("another object needs this one, and it does not exist", {
      namespace,
      resource: resource.name,
      name,
    });
  }
}
