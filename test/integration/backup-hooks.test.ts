/** Hooks through the real exec protocol: commands run on this machine and leave traces in a file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PendingHook } from "../../src/api/kinds.generated.ts";
import { runPendingHooks } from "../../src/backup/hook-exec.ts";
import { systemClock } from "../../src/clock.ts";
import { CodedError } from "../../src/errors.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { startClusterProxy } from "../support/proxy.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backupRequest, keysOf, makeBackup } from "./backup-requests.ts";

const cluster = useTestCluster({ nodes: true });
const client = useKubeClients();
const store = new MemoryStore();
const folder = mkdtempSync(join(tmpdir(), "holdfast-hooks-"));
let kube: KubeClient;

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
});
afterAll(() => rmSync(folder, { recursive: true }));

let traces = 0;
/** A file that hooks write a line to each. */
function traceFile(): { path: string; lines(): string[] } {
  const path = join(folder, `trace-${++traces}`);
  writeFileSync(path, "");
  return {
    path,
    lines: () =>
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
  };
}

const shell = (script: string): string => JSON.stringify(["/bin/sh", "-c", script]);

async function createPod(
  namespace: string,
  name: string,
  annotations: Record<string, string>,
  volumes: readonly object[] = [],
): Promise<void> {
  await cluster.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations, labels: { app: name } },
    spec: {
      containers: [
        { name: "main", image: "i" },
        { name: "second", image: "i" },
      ],
      volumes,
    },
  });
  await cluster.waitFor(
    "Pod",
    namespace,
    name,
    (pod) => (pod as unknown as { status?: { phase?: string } }).status?.phase === "Running",
  );
}

const podsOf = (objects: string[]): string[] =>
  objects
    .filter((object) => object.startsWith("pods "))
    .map((object) => object.split("/")[1] ?? "")
    .sort();

describe("hooks", () => {
  it("run around the fresh read of their pod, from annotations and from the spec", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    await createPod(namespace, "annotated", {
      "pre.hook.backup.holdfast.dev/command": shell(`echo pre >> ${trace.path}`),
      "post.hook.backup.velero.io/command": shell(`echo post >> ${trace.path}`),
      "post.hook.backup.velero.io/timeout": "soon",
    });
    await createPod(namespace, "by-spec", {});
    const told: (readonly PendingHook[])[] = [];

    const made = await makeBackup(
      { kube, store, limits: { hookedPods: 1 } },
      backupRequest(
        {
          includedNamespaces: [namespace],
          includedResources: ["pods"], // kinds that other files make and remove would be warnings
          hooks: {
            resources: [
              {
                name: "spec",
                labelSelector: { matchLabels: { app: "by-spec" } },
                pre: [{ exec: { command: ["/bin/sh", "-c", `echo spec-pre >> ${trace.path}`], container: "second" } }],
                post: [{ exec: { command: ["/bin/sh", "-c", `echo spec-post >> ${trace.path}`] } }],
              },
            ],
          },
        },
        {
          onPendingHooks: async (pending) => {
            told.push(pending);
            if (pending.length > 0) writeFileSync(trace.path, `recorded ${pending[0]?.pod}\n`, { flag: "a" });
          },
        },
      ),
    );

    expect(made.outcome).toMatchObject({ phase: "Completed", hookStatus: { hooksAttempted: 4, hooksFailed: 0 } });
    expect(made.outcome.results.warnings.namespaces?.[namespace]).toEqual([
      expect.stringMatching(/name: \/annotated message: \/Unable to parse provided timeout soon of post\.hook\.backup/),
    ]);
    expect(trace.lines()).toEqual(["recorded annotated", "pre", "post", "recorded by-spec", "spec-pre", "spec-post"]);
    expect(told.map((pending) => pending.map((hook) => hook.pod))).toEqual([["annotated"], [], ["by-spec"], []]);
    expect(podsOf(await made.objects())).toEqual(["annotated", "by-spec"]);
  });

  it("that fail are errors; only a pre hook with Fail keeps its pod out", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    const post = { "post.hook.backup.velero.io/command": shell(`echo post >> ${trace.path}`) };
    const pre = (command: string, onError: string): Record<string, string> => ({
      "pre.hook.backup.velero.io/command": command,
      "pre.hook.backup.velero.io/on-error": onError,
    });
    await createPod(namespace, "fail", { ...pre(shell("echo bad >&2; exit 4"), "Fail"), ...post });
    await createPod(namespace, "continue", pre(shell("exit 3"), "Continue"));
    await createPod(namespace, "slow", {
      ...pre('["/bin/sleep","20"]', "Continue"),
      "pre.hook.backup.velero.io/timeout": "500ms",
    });
    await createPod(namespace, "absent", { ...pre("/bin/true", ""), "pre.hook.backup.velero.io/container": "nobody" });

    const made = await makeBackup({ kube, store }, backupRequest({ includedNamespaces: [namespace] }));

    expect(made.outcome).toMatchObject({ phase: "PartiallyFailed", hookStatus: { hooksAttempted: 4, hooksFailed: 4 } });
    expect(podsOf(await made.objects())).toEqual(["absent", "continue", "slow"]);
    expect(trace.lines()).toEqual([]);
    const errors = made.outcome.results.errors.namespaces?.[namespace]?.join("\n");
    for (const text of [
      /\/fail .*exit (code|status) 4: bad/,
      /\/continue .*exit (code|status) 3/,
      /\/slow .*timed out after 0.5s/,
      /\/absent .*no such container: "nobody"/,
    ])
      expect(errors).toMatch(text);
  });

  it("run once in a pod that two selectors and an order name, around its claims and volumes", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    await cluster.create({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name: namespace },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        storageClassName: namespace,
        hostPath: { path: `/tmp/${namespace}` },
      },
    });
    await cluster.create({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "disk", namespace },
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: namespace,
        volumeName: namespace,
        resources: { requests: { storage: "1Gi" } },
      },
    });
    await cluster.waitFor("PersistentVolumeClaim", namespace, "disk", (claim) =>
      JSON.stringify(claim).includes('"phase":"Bound"'),
    );
    await createPod(namespace, "p", { "pre.hook.backup.velero.io/command": shell(`echo pre >> ${trace.path}`) }, [
      { name: "d", persistentVolumeClaim: { claimName: "disk" } },
    ]);
    const selector = { matchLabels: { app: "p" } };

    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        orLabelSelectors: [selector, { matchExpressions: [{ key: "app", operator: "Exists" }] }],
        orderedResources: { pods: `${namespace}/p` },
      }),
    );

    expect(trace.lines()).toEqual(["pre"]);
    expect((await made.objects()).sort()).toEqual(
      [
        `namespaces ${namespace}`,
        `persistentvolumeclaims ${namespace}/disk`,
        `persistentvolumes ${namespace}`,
        `pods ${namespace}/p`,
        `serviceaccounts ${namespace}/default`,
      ].sort(),
    );
    await cluster.request("DELETE", `/api/v1/persistentvolumes/${namespace}`);
  });

  it("undo what an earlier pre hook did when a later one fails", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    await createPod(namespace, "p", {});
    const exec = (script: string, onError?: "Fail") => ({
      exec: { command: ["/bin/sh", "-c", script], ...(onError === undefined ? {} : { onError }) },
    });

    const made = await makeBackup(
      { kube, store },
      backupRequest({
        includedNamespaces: [namespace],
        hooks: {
          resources: [
            {
              name: "h",
              pre: [exec(`echo freeze >> ${trace.path}`), exec("exit 1", "Fail")],
              post: [exec(`echo thaw >> ${trace.path}`)],
            },
          ],
        },
      }),
    );

    expect(trace.lines()).toEqual(["freeze", "thaw"]);
    expect(podsOf(await made.objects())).toEqual([]);
  });

  it("after the pod run when the backup is cancelled in between, and nothing is left", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    const cancel = new AbortController();
    await createPod(namespace, "p", {
      "pre.hook.backup.velero.io/command": shell(`echo freeze >> ${trace.path}`),
      "post.hook.backup.velero.io/command": shell(`echo thaw >> ${trace.path}`),
    });
    const told: number[] = [];

    const made = await makeBackup(
      { kube, store },
      backupRequest(
        { includedNamespaces: [namespace] },
        {
          signal: cancel.signal,
          onPendingHooks: async (pending) => {
            told.push(pending.length);
            cancel.abort(new CodedError("Cancelled", { what: "backup" }, "by the test"));
          },
        },
      ),
    );

    expect(made.outcome).toMatchObject({ phase: "Failed", failureReason: "cancelled: by the test" });
    expect(trace.lines()).toEqual(["freeze", "thaw"]);
    expect(told).toEqual([1, 0]);
    expect(await keysOf(store, `backups/${made.name}/`)).toEqual([]);
  });

  it("wait for an API server that is away or refuses for now, and then run once", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    await createPod(namespace, "db", {
      "pre.hook.backup.holdfast.dev/command": shell(`echo freeze >> ${trace.path}`),
      "post.hook.backup.holdfast.dev/command": shell(`echo thaw >> ${trace.path}`),
    });
    const proxy = await startClusterProxy(cluster);
    let execs = 0;
    proxy.setFaults(({ url }) => {
      if (!url.includes("/exec?")) return undefined;
      execs += 1;
      // the pre hook comes through, then nothing does for a while
      return execs === 1 || execs > 4 ? undefined : { type: "answer", status: execs === 2 ? 429 : 503 };
    });

    const through = { kube: await client(proxy.kubeconfigPath), store };
    const made = await makeBackup(through, backupRequest({ includedNamespaces: [namespace] }));
    await proxy.stop();

    expect(made.outcome).toMatchObject({ phase: "Completed", hookStatus: { hooksAttempted: 2, hooksFailed: 0 } });
    expect([trace.lines(), execs]).toEqual([["freeze", "thaw"], 5]);
  });

  it("that a dead run left behind run once, in the same pod only", async () => {
    const namespace = await cluster.createNamespace();
    const trace = traceFile();
    await createPod(namespace, "p", {});
    const uid = (await cluster.get("Pod", namespace, "p")).metadata.uid as string;
    const hook = (line: string, owner: string): PendingHook => ({
      namespace,
      pod: "p",
      uid: owner,
      container: "main",
      command: ["/bin/sh", "-c", `echo ${line} >> ${trace.path}`],
    });
    const left: number[] = [];

    await runPendingHooks(
      { kube, clock: systemClock, log: silentLogger },
      [hook("mine", uid), hook("other", "another-uid")],
      async (rest) => {
        left.push(rest.length);
      },
    );

    expect(trace.lines()).toEqual(["mine"]);
    expect(left).toEqual([1, 0]);
  });
});
