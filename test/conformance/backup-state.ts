/** Brings a cluster to the state that was recorded, and back. */
import { groupResource, type KubeObject, keyOf, parseApiVersion } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import type { BackupScenario } from "./backup-case.ts";
import { classicPaths, normalised } from "./backup-compare.ts";
import { documents } from "./restore-scenario.ts";

const PATIENCE_MS = 15_000;

/**
 * Waits until what controllers make is there: every recorded object that the scenario does not create itself, bound
 * claims, running pods. Gives up quietly after a while: the comparison then says what is missing.
 */
export async function settle(kube: KubeClient, scenario: BackupScenario): Promise<void> {
  const recorded = scenario.backups.flatMap((backup) => classicPaths(backup.tarEntries));
  const names = new Set(documents(scenario.before).map((object) => object.metadata.name));
  const wanted = new Set(recorded.map((path) => normalised(path, names)));
  const settled = async (): Promise<boolean> =>
    (await missing(kube, wanted, names)) === 0 && (await unready(kube, recorded)) === 0;
  await waitUntil(settled, { what: `${scenario.name} has settled`, timeoutMs: PATIENCE_MS, intervalMs: 200 }).catch(
    () => undefined,
  );
}

/** Waits until nothing that the scenario is about to create is still on its way out: scenarios share names. */
export async function waitForLeavers(kube: KubeClient, scenario: BackupScenario): Promise<void> {
  const { resources } = await kube.discovery({ refresh: true });
  for (const object of documents(scenario.before)) {
    const { group } = parseApiVersion(object.apiVersion);
    const resource = resources.find((each) => each.preferred && each.kind === object.kind && each.group === group);
    if (resource === undefined) continue;
    const stays = async (): Promise<boolean> =>
      (await kube.get(resource, keyOf(object)))?.metadata.deletionTimestamp === undefined;
    await waitUntil(stays, { what: `the last ${object.kind} ${object.metadata.name} is gone`, timeoutMs: 60_000 });
  }
}

/** What would disturb the next scenario, or every later one, until it is gone. */
const DISTURBING = ["admissionregistration.k8s.io", "apiregistration.k8s.io"];

/** Deletes what the scenario made; waits only for what would disturb the next one. */
export async function tearDown(kube: KubeClient, scenario: BackupScenario): Promise<void> {
  const { resources } = await kube.discovery({ refresh: true });
  const disturbing: (() => Promise<boolean>)[] = [];
  for (const object of [...documents(scenario.before), ...scenario.veleroNamespace]) {
    const { group } = parseApiVersion(object.apiVersion);
    const resource = resources.find((each) => each.preferred && each.kind === object.kind && each.group === group);
    if (resource === undefined) continue;
    const key = keyOf(object);
    // The namespace takes its own objects along, and may be gone already.
    await kube.delete(resource, key, { propagationPolicy: "Background" }).catch(() => false);
    if (DISTURBING.includes(group)) disturbing.push(async () => (await kube.get(resource, key)) === undefined);
  }
  for (const gone of disturbing)
    await waitUntil(gone, { what: `${scenario.name} is cleaned up`, timeoutMs: 30_000, intervalMs: 100 });
}

async function missing(kube: KubeClient, wanted: ReadonlySet<string>, names: ReadonlySet<string>): Promise<number> {
  const { resources } = await kube.discovery({ refresh: true });
  let absent = 0;
  const byList = Map.groupBy(wanted, (path) =>
    path
      .split("/")
      .slice(0, path.includes("/namespaces/") ? 3 : 2)
      .join("/"),
  );
  for (const [list, paths] of byList) {
    const [name, , namespace = ""] = list.split("/");
    const resource = resources.find((each) => each.preferred && groupResource(each) === name);
    if (resource === undefined) return wanted.size;
    const found = new Set(
      (await kube.list(resource, { namespace })).map((object) => normalised(`${list}/${object.metadata.name}`, names)),
    );
    absent += paths.filter((path) => !found.has(path)).length;
  }
  return absent;
}

/** Pods not running yet, and volumes that are recorded and no claim is bound to yet. */
async function unready(kube: KubeClient, recorded: readonly string[]): Promise<number> {
  const namespaces = new Set(
    recorded.flatMap((path) => (path.includes("/namespaces/") ? [path.split("/")[2] ?? ""] : [])),
  );
  const volumes = recorded.filter((path) => path.startsWith("persistentvolumes/")).length;
  let pending = 0;
  let bound = 0;
  for (const namespace of namespaces) {
    const pods = await kube.list({ group: "", version: "v1", resource: "pods" }, { namespace });
    pending += pods.filter(
      (pod) => phaseOf(pod) === "Pending" && (pod.spec as { nodeName?: string }).nodeName !== undefined,
    ).length;
    const claims = await kube.list({ group: "", version: "v1", resource: "persistentvolumeclaims" }, { namespace });
    bound += claims.filter((claim) => phaseOf(claim) === "Bound").length;
  }
  return pending + Math.max(0, volumes - bound);
}

function phaseOf(object: KubeObject): string | undefined {
  return (object.status as { readonly phase?: string } | undefined)?.phase;
}
