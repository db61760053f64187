/** LISTs the planned resources, page by page, into the archive. */

import type { ObjectKey } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import { rfc3339 } from "../clock.ts";
import { isCoded } from "../errors.ts";
import { createItemReader } from "../kube/item-bytes.ts";
import { fetchObjects } from "./fetch.ts";
import type { ListTask, PlannedList, PlannedResource } from "./plan.ts";
import { forEachBounded } from "./pool.ts";
import { archiveItem, type BackupRun, noteUnlisted } from "./run.ts";

/** Claims wait for pods and volumes for claims: a pod with hooks keeps its own out of the stream. */
const CHAINED = new Set(["pods", "persistentvolumeclaims", "persistentvolumes"]);

/** Lists everything the plan names, several resources at once. A LIST that fails is an error of the run, and the others go on. */
export async function collectLists(run: BackupRun, clock: Clock): Promise<void> {
  const { tasks, otherVersions } = run.plan;
  const chain = tasks.filter((task) => CHAINED.has(task.resource.name));
  const chains = [
    chain,
    ...tasks.filter((task) => !chain.includes(task)).map((task) => [task]),
    ...otherVersions.map((task) => [task]),
  ];
  run.progress.plan(tasks.length + otherVersions.length);
  await forEachBounded(chains, run.limits.lists, async (sequence) => {
    for (const task of sequence) await collectTask(run, task, clock);
  });
}

async function collectTask(run: BackupRun, task: ListTask, clock: Clock): Promise<void> {
  const { resource } = task;
  const isInScope = (key: ObjectKey): boolean =>
    !resource.namespaced || run.plan.namespaces.filter.includes(key.namespace);
  for (const key of task.first) {
    if (isInScope(key)) await fetchObjects(run, resource, [key], { inOrder: true, ordered: true });
    else noteUnlisted(run, resource, key);
  }
  for (const list of task.lists) await collectList(run, resource, list, clock);
  await run.archive.endResource(resource.name);
  run.progress.listed();
}

async function collectList(
  run: BackupRun,
  resource: PlannedResource,
  { namespace, selector, mixed }: PlannedList,
  clock: Clock,
): Promise<void> {
  const time = rfc3339(clock.now());
  let resourceVersion = "";
  let items = 0;
  let announced = 0;
  let inconsistent = false;
  // an item's bytes are in the archive before `archiveItem` first waits
  const readItem = createItemReader();
  try {
    const pages = run.kube.listPages(resource, {
      namespace,
      ...(selector === "" ? {} : { labelSelector: selector }),
      limit: run.limits.pageSize,
      passing: true,
      signal: run.signal,
    });
    for await (const page of pages) {
      resourceVersion ||= page.resourceVersion;
      inconsistent ||= page.inconsistent;
      items += page.items.length;
      run.progress.expect(items + (page.remaining ?? 0) - announced);
      announced = items + (page.remaining ?? 0);
      for (let index = 0; index < page.items.length; index++)
        await archiveItem(run, resource, readItem(page, index), { mixed });
    }
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    noteFailedList(run, resource.name, namespace, error);
    return;
  }
  run.lists.push({ resource: resource.name, version: resource.version, namespace, resourceVersion, time, items });
  run.journal.info(`listed ${items} items`, { resource: resource.name, namespace });
  if (inconsistent) {
    run.journal.warn(
      "the LIST outlived its snapshot (410 Expired) and went on at a newer resourceVersion: complete, but not one point in time",
      {
        namespace,
        resource: resource.name,
      },
    );
  }
}

/** A kind that is gone is no failure of the backup: there is nothing left to back up. */
function noteFailedList(run: BackupRun, resource: string, namespace: string, error: unknown): void {
  const subject = { resource, namespace, error };
  if (isCoded(error, "KubeNotFound"))
    run.journal.warn("the kind was removed from the cluster during the backup", subject);
  else run.journal.error("could not list", subject);
}
