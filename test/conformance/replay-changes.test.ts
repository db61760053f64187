/** The replay itself: what was changed in place between two restores of a recording is there before the second begins. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringify } from "yaml";
import type { KubeObject } from "../../src/api/object.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { readAll } from "../../src/storage/streams.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { writeVeleroFolder } from "../support/velero-folder.ts";
import { describeDifference } from "./restore-compare.ts";
import { createReplay } from "./restore-replay.ts";
import { loadScenarios } from "./restore-scenario.ts";

const NAMESPACE = "syn-app";
const cluster = usePrivateCluster();
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "holdfast-recording-"));
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

function configMap(name: string, data: object, run?: string, more: object = {}): KubeObject {
  const labels = run && { "velero.io/backup-name": "syn-backup", "velero.io/restore-name": run };
  const metadata = { name, namespace: NAMESPACE, ...(labels && { labels }) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data, ...more };
}

const namespace = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: NAMESPACE, labels: { "kubernetes.io/metadata.name": NAMESPACE } },
  spec: { finalizers: ["kubernetes"] },
};

/** A recording of two restores: one field, one object and one immutable object changed in between, without a step. */
async function record(): Promise<void> {
  const folder = join(root, "syn-in-place");
  const archived = ["changed", "gone", "fixed"].map((name) => configMap(name, { from: "backup" }));
  await mkdir(join(folder, "backup"), { recursive: true });
  const store = new MemoryStore();
  await writeVeleroFolder(
    store,
    "syn-backup",
    archived.map((object) => ({ resource: "configmaps", object })),
    { volumeinfo: [] },
  );
  for await (const { key } of store.list("backups/"))
    await writeFile(join(folder, "backup", basename(key)), await readAll(await store.get(key)));
  const runs = ["syn-restore", "syn-restore-2"];
  const files = {
    "scenario.yaml": stringify({ name: "syn-in-place", backupName: "syn-backup", restoreNames: runs }),
    "before.yaml": [namespace, ...archived].map((object) => stringify(object)).join("---\n"),
    ...Object.fromEntries(
      ["", "-2"].map((suffix) => [
        `restore-spec${suffix}.yaml`,
        stringify({ backupName: "syn-backup", existingResourcePolicy: "update" }),
      ]),
    ),
    "after.json": JSON.stringify([
      namespace,
      ...["changed", "fixed", "gone"].map((n) => configMap(n, { from: "backup" }, runs[0])),
    ]),
    "results.json": JSON.stringify(resultsOf({ changed: "skipped", fixed: "skipped", gone: "skipped" })),
    "live-before-restore-2.json": JSON.stringify([
      namespace,
      configMap("changed", { from: "a person", more: "1" }, runs[0]),
      configMap("fixed", { from: "another" }, undefined, { immutable: true }),
      configMap("made", { from: "a person" }),
    ]),
    "after-2.json": JSON.stringify([
      namespace,
      configMap("changed", { from: "backup" }, runs[1]),
      configMap("fixed", { from: "another" }, runs[1], { immutable: true }),
      configMap("gone", { from: "backup" }, runs[1]),
      configMap("made", { from: "a person" }),
    ]),
    "results-2.json": JSON.stringify({
      ...resultsOf({ changed: "updated", fixed: "failed", gone: "created" }),
      phase: "PartiallyFailed",
      results: { warnings: { namespaces: { [NAMESPACE]: ['ConfigMap "fixed" is invalid: immutable'] } } },
    }),
  };
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
}

function resultsOf(outcomes: Readonly<Record<string, string>>): object {
  const list = Object.entries(outcomes).map(([name, outcome]) => `${NAMESPACE}/${name}(${outcome})`);
  return { phase: "Completed", resourceList: { "v1/ConfigMap": list } };
}

it("begins the second restore from what stood there then", async () => {
  await record();
  const [scenario] = await loadScenarios(root);
  const replay = await createReplay(cluster);

  const found: string[] = [];
  if (scenario === undefined) throw new Error("the recording is not there");
  await replay.run(scenario, (restore, differences) => {
    found.push(restore.name, ...differences.map(describeDifference));
  });

  expect(found).toEqual(["syn-restore", "syn-restore-2"]);
});
