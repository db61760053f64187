/**
 * Every recorded backup against our engine on the same state of a real cluster. The folder is HOLDFAST_CONFORMANCE_DIR,
 * else `test/testdata/velero`; only the folder format is read, so other recorded scenarios run unchanged.
 */
import { join, resolve } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import type { ExecTarget, KubeClient } from "../../src/kube/client.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { archivedObjects, backupRequest, makeBackup } from "../integration/backup-requests.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { type BackupScenario, loadBackupScenario, type RecordedBackup, scenarioFolders } from "./backup-case.ts";
import { compareBackups, type OwnBackup } from "./backup-compare.ts";
import { BACKUP_DIFFERENCES } from "./backup-differences.ts";
import { settle, tearDown, waitForLeavers } from "./backup-state.ts";
import { applyBefore, documents, runSteps } from "./restore-scenario.ts";

const ROOT = resolve(process.env.HOLDFAST_CONFORMANCE_DIR ?? join(import.meta.dirname, "../testdata/velero"));
const VELERO_NAMESPACE = "velero";

/** A claim that misses its volume by a moment is looked at again after 15 s by default, long after we stopped waiting. */
const PROMPT_BINDING = ["--pvclaimbinder-sync-period=1s"];

const cluster = usePrivateCluster({ nodes: true, controllerManagerArgs: PROMPT_BINDING });
const client = useKubeClients();
let kube: KubeClient;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
  await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: VELERO_NAMESPACE } });
});

describe("backups as Velero recorded them", async () => {
  let scenario: BackupScenario | undefined;
  afterEach(async () => {
    if (scenario !== undefined) await tearDown(kube, scenario);
  });

  it.each(await scenarioFolders(ROOT))("%s", async (folder) => {
    scenario = await loadBackupScenario(join(ROOT, folder));
    await waitForLeavers(kube, scenario);
    await cluster.apply(...scenario.veleroNamespace);
    await applyBefore(cluster, scenario.before);
    await runSteps(cluster, scenario.setup);
    await settle(kube, scenario);

    const unexplained: string[] = [];
    const used = new Set<string>();
    for (const recorded of scenario.backups) {
      const findings = compareBackups(recorded, await ownBackup(recorded), fixedNames(scenario));
      for (const finding of findings) {
        const rule = BACKUP_DIFFERENCES.find((each) => each.explains(finding, recorded));
        if (rule === undefined) unexplained.push(`${recorded.name}: ${finding.type} ${finding.detail}`);
        else used.add(rule.id);
      }
    }

    const verdict = unexplained.length > 0 ? "fail" : used.size > 0 ? `pass (${[...used].sort().join(", ")})` : "pass";
    process.stdout.write(
      `conformance backup ${folder}: ${verdict}\n${unexplained.map((line) => `  ${line}\n`).join("")}`,
    );
    expect(unexplained).toEqual([]);
  });
});

async function ownBackup(recorded: RecordedBackup): Promise<OwnBackup> {
  const store = new MemoryStore();
  const execs = new Map<string, string[]>();
  const made = await makeBackup(
    { kube: watchingExecs(kube, execs), store },
    backupRequest(recorded.spec, { name: recorded.name, namespace: VELERO_NAMESPACE }),
  );
  const isThere = made.outcome.manifestSha256 !== undefined;
  const objects = isThere ? await archivedObjects(store, backupKeys(made.name).archive) : [];
  return { outcome: made.outcome, paths: objects.map(classicPath), execs };
}

/** The real client, which also notes what it is asked to run. */
function watchingExecs(real: KubeClient, execs: Map<string, string[]>): KubeClient {
  return Object.create(real, {
    exec: {
      value: async (target: ExecTarget, signal?: AbortSignal) => {
        const result = await real.exec(target, signal);
        // What timed out is in no recording: the server logs a request when it ends.
        const command = `${target.container}: ${target.command.join(" ")}`;
        if (result.type !== "timedOut") execs.set(target.pod, [...(execs.get(target.pod) ?? []), command]);
        return result;
      },
    },
  }) as KubeClient;
}

function classicPath(object: string): string {
  const [resource = "", key = ""] = object.split(" ");
  const slash = key.indexOf("/");
  return slash < 0 ? `${resource}/cluster/${key}` : `${resource}/namespaces/${key}`;
}

function fixedNames(scenario: BackupScenario): Set<string> {
  return new Set(documents(scenario.before).map((object: KubeObject) => object.metadata.name));
}
