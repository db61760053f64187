/** A counter is what it was after a restart, although what it counted is deleted by then. */
import { describe, expect, it } from "vitest";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { freeLease, locationYaml, policyYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { type Daemon, seriesOf, startServing, untilCounting } from "./serving-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

function backupYaml(name: string, namespaces: string): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: Backup
metadata:
  name: ${name}
  namespace: ${holdfast.namespace}
spec:
  includedNamespaces: [${namespaces}]
  excludedNamespaces: [shop-of-nobody]
`;
}

async function ended(name: string, phase: string): Promise<void> {
  await cluster.waitFor("Backup", holdfast.namespace, name, ({ status }) => {
    return (status as { phase?: string } | undefined)?.phase === phase;
  });
}

async function deleteBackup(name: string): Promise<void> {
  const annotations = { "holdfast.dev/delete-requested": name };
  await cluster.patch("Backup", holdfast.namespace, name, { metadata: { annotations } });
  const isGone = async (): Promise<boolean> => (await cluster.find("Backup", holdfast.namespace, name)) === undefined;
  await waitUntil(isGone, { what: `${name} is deleted`, timeoutMs: 60_000, intervalMs: 50 });
}

/** Waits until the record tells of so many deletions: from then on nothing is in memory alone. */
async function untilRecorded(deletions: number): Promise<void> {
  const told = async (): Promise<number> =>
    Object.values(await holdfast.record())
      .join("")
      .split("deleted: true").length;
  const what = `the record tells of ${deletions} deletions`;
  await waitUntil(async () => (await told()) === deletions + 1, { what, timeoutMs: 60_000, intervalMs: 100 });
}

async function end({ running }: Daemon, signal: NodeJS.Signals): Promise<void> {
  running.process.kill(signal);
  await running.ended;
}

describe("counters", () => {
  it("are what they were after a restart, for backups and restores that are deleted too", async () => {
    const shop = await cluster.createNamespace();
    const { namespace, bucket } = holdfast;
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "prices", namespace: shop } });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });
    const first = await startServing(holdfast);
    await cluster.waitFor("BackupPolicy", namespace, "shop", ({ status }) =>
      JSON.stringify(status ?? {}).includes('"lastPhase":"Completed"'),
    );
    const [scheduled] = await cluster.list("Backup", namespace);
    const name = scheduled?.metadata.name ?? "";
    await cluster.applyYaml(restoreYaml(namespace, "back", name));
    await cluster.waitFor("RestorePlan", namespace, "back", ({ status }) => {
      return (status as { phase?: string } | undefined)?.phase === "Completed";
    });
    await cluster.applyYaml(backupYaml("by-hand", shop));
    await cluster.applyYaml(backupYaml("refused", `${shop}, shop-of-nobody`));
    await Promise.all([ended("by-hand", "Completed"), ended("refused", "FailedValidation")]);
    for (const each of [name, "by-hand", "refused"]) await deleteBackup(each);
    await untilRecorded(3);
    await untilCounting(first);
    const before = await seriesOf(first);
    await end(first, "SIGTERM");

    const second = await startServing(holdfast);
    await untilCounting(second);
    const after = await seriesOf(second);
    await end(second, "SIGKILL");
    await freeLease(cluster, holdfast);
    const third = await startServing(holdfast);
    await untilCounting(third);
    const killed = await seriesOf(third);
    await end(third, "SIGTERM");

    const origin = `namespace="${namespace}",policy="shop",schedule="hourly"`;
    const byHand = `namespace="${namespace}",policy="",schedule=""`;
    expect(before).toEqual(
      expect.arrayContaining([
        `holdfast_backup_attempt_total{${origin}} 1`,
        `holdfast_backup_success_total{${origin}} 1`,
        `holdfast_backup_deletion_success_total{${origin}} 1`,
        `holdfast_backup_duration_seconds_count{${origin}} 1`,
        `holdfast_restore_success_total{${origin}} 1`,
        `holdfast_backup_success_total{${byHand}} 1`,
        `holdfast_backup_validation_failure_total{${byHand}} 1`,
        `holdfast_backup_deletion_attempt_total{${byHand}} 2`,
      ]),
    );
    expect(await cluster.list("RestorePlan", namespace)).toEqual([]);
    expect(after).toEqual(before);
    expect(killed).toEqual(before);
  });
});
