/** Restore hooks across attempts of one run, through the real exec protocol: commands leave a line each in a file. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { KubeObject } from "../../src/api/object.ts";
import { openSpool } from "../../src/reconcile/restore-spool.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { backUp, restore } from "./restore-support.ts";

const cluster = useTestCluster({ nodes: true });
const client = useKubeClients();
const folder = mkdtempSync(join(tmpdir(), "holdfast-restore-hooks-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A pod whose hook writes its name to the trace. */
function pod(namespace: string, name: string, trace: string): KubeObject {
  const command = JSON.stringify(["/bin/sh", "-c", `echo ${name} >> ${trace}`]);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      annotations: {
        "post.hook.restore.velero.io/command": command,
        "post.hook.restore.velero.io/wait-timeout": "60s",
      },
    },
    spec: { containers: [{ name: "main", image: "i" }] },
  };
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trim().split("\n").sort();
  } catch {
    return [];
  }
}

describe("restore hooks of a run that was interrupted", () => {
  it("run in the next attempt where they had not begun, and never twice", async () => {
    const kube = await client(cluster.kubeconfigPath);
    const namespace = await cluster.createNamespace();
    const trace = join(folder, "trace");
    const names = ["a", "b", "c"];
    const store = await backUp(
      kube,
      names.map((name) => pod(namespace, name, trace)),
    );
    const spool = join(folder, "spool");
    const killed = new AbortController();
    const dead = once(killed.signal, "abort").then(() => Promise.reject(new Error("killed")));
    dead.catch(() => undefined);

    const first = await openSpool(spool);
    let seen = 0;
    await restore(kube, store, {
      mayResume: true,
      recorded: first.recorded,
      // the process dies before the first beginning is on disk, however fast the pods run
      hookJournal: { ...first.hooks, begin: async () => await dead },
      signal: killed.signal,
      onRecord: async (record) => {
        await first.append(record);
        await first.flush();
        // as a kill right after the last pod was created, before any of them runs
        if (++seen === names.length) killed.abort(new Error("killed"));
      },
    });
    const ranBefore = linesOf(trace);
    // the hook of this one had begun when the process died
    await first.hooks.begin({ namespace, name: "c" });
    const second = await openSpool(spool);
    const resumed = await restore(kube, store, {
      mayResume: true,
      recorded: second.recorded,
      hookJournal: second.hooks,
    });
    const third = await openSpool(spool);
    const again = await restore(kube, store, { mayResume: true, recorded: third.recorded, hookJournal: third.hooks });

    expect(ranBefore).toEqual([]);
    expect(linesOf(trace)).toEqual(["a", "b"]);
    expect(resumed.outcomes).toEqual({ "Pod a": "created", "Pod b": "created", "Pod c": "created" });
    expect(resumed.outcome).toMatchObject({
      phase: "PartiallyFailed",
      hookStatus: { hooksAttempted: 3, hooksFailed: 1 },
    });
    expect(resumed.outcome.results.errors.namespaces?.[namespace]).toEqual([
      expect.stringMatching(/hooks of pod c had begun .* not run twice/),
    ]);
    expect(again.outcome.hookStatus).toEqual({ hooksAttempted: 3, hooksFailed: 1 });
  });
});
