/** A process killed while a pod is frozen by its pre hook: whatever becomes of the backup, the pod is thawed, once. */
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fault } from "../../tools/testbed/http/fault.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { type ClusterProxy, startClusterProxy } from "../support/proxy.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { freeLease, locationYaml, policyYaml, QUICK_LEASE, useInstallation } from "./run-fixture.ts";
import { phaseOf, reasonOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster({ nodes: true });
const holdfast = useInstallation(cluster);

let proxy: ClusterProxy;
let shop = "";
let trace = "";
beforeEach(async () => {
  proxy = await startClusterProxy(cluster);
  shop = await cluster.createNamespace();
  trace = join(holdfast.bucket, "..", "trace");
  await createDatabase();
});
afterEach(() => proxy.stop());

/** Its hooks run on this machine and leave a line each. */
async function createDatabase(): Promise<void> {
  const command = (line: string): string => JSON.stringify(["/bin/sh", "-c", `echo ${line} >> ${trace}`]);
  await cluster.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "db",
      namespace: shop,
      annotations: {
        "pre.hook.backup.holdfast.dev/command": command("freeze"),
        "post.hook.backup.holdfast.dev/command": command("thaw"),
      },
    },
    spec: { containers: [{ name: "main", image: "i" }] },
  });
  await cluster.waitFor("Pod", shop, "db", (pod) => phaseOf(pod) === "Running");
}

async function traced(): Promise<string[]> {
  return (await readFile(trace, "utf8")).trim().split("\n");
}

/** Name, phase, why, and how many hooks it still owes. */
async function backups(): Promise<string[]> {
  const found = await cluster.list("Backup", holdfast.namespace);
  return found
    .map((each) => {
      const { pendingHooks = [] } = (each.status ?? {}) as { pendingHooks?: unknown[] };
      const name = each.metadata.name.replace(/\d{14}/, "SLOT");
      return `${name} ${phaseOf(each)} ${reasonOf(each)} ${pendingHooks.length}`;
    })
    .sort();
}

/** Does something to the run at the fresh read of the pod, which is after its pre hook and before its post hook. */
function betweenHooks(act: () => Fault | undefined): void {
  proxy.setFaults(({ method, url }) => {
    const isRead = method === "GET" && url.startsWith(`/api/v1/namespaces/${shop}/pods/db`) && !url.includes("/exec");
    return isRead ? act() : undefined;
  });
}

async function runIntoKillBetweenHooks(): Promise<void> {
  const running = holdfast.start(["run", "--repo", holdfast.repository.path, "--once"], {
    kubeconfigPath: proxy.kubeconfigPath,
  });
  betweenHooks(() => {
    running.process.kill("SIGKILL");
    return { type: "reset" };
  });
  const killed = await running.ended;
  expect([killed.signal, await traced()]).toEqual(["SIGKILL", ["freeze"]]);
  await freeLease(cluster, holdfast);
}

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(async () => await isTrue(), { what, timeoutMs: 60_000, intervalMs: 100 });
}

async function askForBackup(): Promise<void> {
  const { namespace } = holdfast;
  const spec = { includedNamespaces: [shop] };
  await cluster.create({
    apiVersion: "holdfast.dev/v1alpha1",
    kind: "Backup",
    metadata: { name: "by-hand", namespace },
    spec,
  });
}

describe("a process killed between pre and post hook", () => {
  it("of a backup asked for once: the post hook has run exactly once, and the backup is Failed", async () => {
    await holdfast.commit({ "location.yaml": locationYaml(holdfast.namespace, holdfast.bucket) });
    await askForBackup();

    await runIntoKillBetweenHooks();
    const halfway = await backups();
    const next = await holdfast.once();
    const again = await holdfast.once();

    expect(halfway).toEqual(["by-hand InProgress undefined 1"]);
    expect([next.code, again.code, next.stderr].join("\n")).toMatch(/^0\n0\n/);
    expect(await traced()).toEqual(["freeze", "thaw"]);
    expect(await backups()).toEqual(["by-hand Failed Interrupted 0"]);
  });

  it("of a scheduled backup: it is thawed before the slot is made up with hooks of its own", async () => {
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", shop),
    });

    await runIntoKillBetweenHooks();
    const next = await holdfast.once();
    const again = await holdfast.once();

    expect([next.code, again.code, next.stderr].join("\n")).toMatch(/^0\n0\n/);
    expect(await traced()).toEqual(["freeze", "thaw", "freeze", "thaw"]);
    expect(await backups()).toEqual([
      "shop-hourly-SLOT Failed Interrupted 0",
      "shop-hourly-SLOT-r1 Completed Completed 0",
    ]);
  });

  it("with its location gone since: it is thawed at once, and judged when the location is back", async () => {
    const { namespace, bucket, repository } = holdfast;
    await holdfast.commit({ "location.yaml": locationYaml(namespace, bucket) });
    await askForBackup();
    await runIntoKillBetweenHooks();
    await rename(bucket, `${bucket}-away`);
    const unavailable = { status: { phase: "Unavailable" } };
    await cluster.patch("BackupStorageLocation", namespace, "main", unavailable, { subresource: "status" });

    const running = holdfast.start(["run", "--repo", repository.path, "--interval", "1s"]);
    await until("the pod is thawed", async () => (await traced()).includes("thaw"));
    await until("nothing is owed", async () => (await backups()).join() === "by-hand InProgress undefined 0");
    await rename(`${bucket}-away`, bucket);
    running.process.kill("SIGTERM");
    await running.ended;
    const next = await holdfast.once();

    expect([next.code, next.stderr].join("\n")).toMatch(/^0\n/);
    expect(await traced()).toEqual(["freeze", "thaw"]);
    expect(await backups()).toEqual(["by-hand Failed Interrupted 0"]);
  });
});

describe("a leader frozen between pre and post hook", () => {
  it("leaves the post hook to the one that has taken over, also when it is thawed", { timeout: 300_000 }, async () => {
    await holdfast.commit({ "location.yaml": locationYaml(holdfast.namespace, holdfast.bucket) });
    await askForBackup();
    const args = ["run", "--repo", holdfast.repository.path, "--interval", "1s", ...QUICK_LEASE];
    const first = holdfast.start(args, { kubeconfigPath: proxy.kubeconfigPath });
    let log = "";
    first.process.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString("utf8");
    });
    let frozen = false;
    betweenHooks(() => {
      frozen ||= first.process.kill("SIGSTOP");
      return undefined;
    });
    await until("the leader is frozen", () => frozen);
    const halfway = await traced();
    const second = holdfast.start(args);
    await until("the other has thawed the pod", async () => (await traced()).includes("thaw"));
    await until("and judged the backup", async () => (await backups()).join() === "by-hand Failed Interrupted 0");

    first.process.kill("SIGCONT");
    await until("the first sees that it leads no more", () => log.includes("leads no more"));
    for (const each of [first, second]) each.process.kill("SIGTERM");
    const codes = [(await first.ended).code, (await second.ended).code];

    expect([halfway, await traced()]).toEqual([["freeze"], ["freeze", "thaw"]]);
    expect([await backups(), codes]).toEqual([["by-hand Failed Interrupted 0"], [0, 0]]);
  });
});
