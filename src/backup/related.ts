/** Follows what archived objects need to the fixed point, each object once. */
import { parseJson } from "../api/json.ts";
import { groupResource, type KubeObject } from "../api/object.ts";
import { itemWithTypeMeta } from "../kube/item-bytes.ts";
import { fetchObjects } from "./fetch.ts";
import {
  boundServiceAccounts,
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CRDS,
  clusterRoleOf,
  mayBeCustom,
} from "./item-plan.ts";
import type { PlannedResource } from "./plan.ts";
import { archiveItem, type BackupRun, want } from "./run.ts";

/** Fetches related objects, wave by wave, then role bindings of the service accounts, then CRDs of the custom resources. */
export async function collectRelated(run: BackupRun): Promise<void> {
  await drainWanted(run);
  await collectBindings(run);
  wantDefinitions(run);
  await drainWanted(run);
}

async function drainWanted(run: BackupRun): Promise<void> {
  while (run.wanted.size > 0) {
    const wave = [...run.wanted];
    run.wanted.clear();
    for (const [name, keys] of wave) {
      const resource = run.plan.resources.get(name);
      if (resource === undefined) continue;
      const missing = [...keys.values()].filter((key) => !run.archive.has(name, key));
      for (const key of missing) run.asked.add(`${name} ${key.namespace}/${key.name}`);
      // A kind without a CRD behind it is no news; anything else that is needed and absent is.
      await fetchObjects(run, resource, missing, { now: true, warnMissing: name !== CRDS });
    }
  }
}

/** Velero's service-account action the other way round: one LIST of all bindings, not one for each account. */
async function collectBindings(run: BackupRun): Promise<void> {
  const { resources, scope } = run.plan;
  const bindings = resources.get(CLUSTER_ROLE_BINDINGS);
  const roles = resources.get(CLUSTER_ROLES);
  if (bindings === undefined || roles === undefined || run.accounts.size === 0) return;
  // A role comes along where its binding is excluded: it is needed all the same.
  if (!scope.admits(bindings) && !scope.admits(roles)) return;
  try {
    for await (const page of run.kube.listPages(bindings, { limit: run.limits.pageSize, signal: run.signal })) {
      for (let index = 0; index < page.items.length; index++)
        await archiveBinding(run, bindings, itemWithTypeMeta(page, index));
    }
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    run.journal.error("could not list the bindings of the service accounts", {
      namespace: "",
      resource: bindings.name,
      error,
    });
  }
}

async function archiveBinding(run: BackupRun, resource: PlannedResource, body: Uint8Array): Promise<void> {
  const binding = parseJson(body) as KubeObject;
  if (!boundServiceAccounts(binding).some((account) => run.accounts.has(account))) return;
  if (run.plan.scope.admits(resource)) {
    run.progress.expect(1);
    await archiveItem(run, resource, body);
  }
  for (const name of clusterRoleOf(binding)) want(run, { resource: CLUSTER_ROLES, namespace: "", name });
}

/** Unless CRDs are excluded: where they are listed, the spec's labels may have left them out. */
function wantDefinitions(run: BackupRun): void {
  for (const resource of run.plan.resources.values()) {
    if (!mayBeCustom(resource.group) || !run.usedResources.has(resource.name)) continue;
    want(run, { resource: CRDS, namespace: "", name: groupResource(resource) });
  }
}
