import type { Failpoint } from "../../src/failpoints.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { eventsSince, versionOf } from "../support/history.ts";
import type { KubeObject } from "../support/kube-object.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { type Ended, freeLease, type Installation } from "./run-fixture.ts";

/** How `holdfast run` is started: until all is settled, or for good. */
export type Mode = "once" | "daemon";

/** A run that a named step kills; the next one need not wait for its lease. */
export async function runIntoKill(
  cluster: TestCluster,
  holdfast: Installation,
  { mode, step }: { readonly mode: Mode; readonly step: Failpoint },
): Promise<Ended> {
  const env = { HOLDFAST_FAULT_AT: step };
  const ended =
    mode === "daemon" ? await holdfast.start(daemonArgs(holdfast), { env }).ended : await holdfast.once({ env });
  const killed = ofKill(step, ended);
  await freeLease(cluster, holdfast);
  return killed;
}

/** What a process that ended before its kill said. */
function ofKill(step: Failpoint, ended: Ended): Ended {
  if (ended.signal === "SIGKILL") return ended;
  throw new Error(`it ended with ${ended.code} before ${step}:\n${ended.stdout}\n${ended.stderr}`);
}

/** A run to its end; a daemon is ended by SIGTERM when the world is as it should be. */
export async function runToEnd(holdfast: Installation, mode: Mode, isDone: () => Promise<boolean>): Promise<Ended> {
  if (mode === "once") return await holdfast.once();
  const running = holdfast.start(daemonArgs(holdfast));
  await waitUntil(isDone, { what: "the daemon has done its work", timeoutMs: 60_000, intervalMs: 200 });
  running.process.kill("SIGTERM");
  return await running.ended;
}

function daemonArgs({ repository }: Installation): readonly string[] {
  return ["run", "--repo", repository.path, "--interval", "1s"];
}

/** The phase of one of our objects; undefined before it has one. */
export function phaseOf(object: KubeObject | undefined): string | undefined {
  return (object?.status as { phase?: string } | undefined)?.phase;
}

/** Why the last run of an object ended as it did. */
export function reasonOf(object: KubeObject): string | undefined {
  const { conditions } = (object.status ?? {}) as { conditions?: { type: string; reason: string }[] };
  return conditions?.find(({ type }) => type === "Succeeded")?.reason;
}

/** The moment from which `writesSince` counts the writes to a namespace's ConfigMaps. */
export async function currentVersion(cluster: TestCluster, namespace: string): Promise<string> {
  return await versionOf(cluster, configMapsOf(namespace));
}

/** What the API server did to each ConfigMap since. */
export async function writesSince(
  cluster: TestCluster,
  namespace: string,
  version: string,
): Promise<Record<string, string[]>> {
  const template = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace } };
  const writes: Record<string, string[]> = {};
  for (const { type, object } of await eventsSince(cluster, configMapsOf(namespace), { version, template }))
    writes[object.metadata.name] = [...(writes[object.metadata.name] ?? []), type];
  return writes;
}

function configMapsOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps`;
}

/** The time of a backup was over a minute ago. */
export async function letExpire(
  cluster: TestCluster,
  { namespace }: Pick<Installation, "namespace">,
  name: string,
): Promise<void> {
  const path = `/apis/holdfast.dev/v1alpha1/namespaces/${namespace}/backups/${name}/status`;
  const body = { status: { expiration: new Date(Date.now() - 60_000).toISOString() } };
  const headers = { "content-type": "application/merge-patch+json" };
  const answer = await cluster.request("PATCH", path, body, { headers });
  if (answer.status !== 200) throw new Error(answer.text);
}
