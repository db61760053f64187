import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const execute = promisify(execFile);
const RECORDED = new URL("../testdata/velero/", import.meta.url);
/** Schedules that the real Velero ran, and a backup of each. */
const SCHEDULES = ["21-schedule", "21b-schedule-partially-failed"];

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-convert-"));
  for (const [kind, plural] of [
    ["Schedule", "schedules"],
    ["BackupStorageLocation", "backupstoragelocations"],
  ] as const) {
    await cluster.applyYaml(crdYaml(kind, plural));
  }
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Velero's kind, without its schema. */
function crdYaml(kind: string, plural: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.velero.io }
spec:
  group: velero.io
  scope: Namespaced
  names: { kind: ${kind}, plural: ${plural}, singular: ${kind.toLowerCase()}, listKind: ${kind}List }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
}

async function convertLive(veleroNamespace: string): Promise<{ stderr: string; folder: string }> {
  const folder = join(scratch, "converted");
  const args = ["convert", "--live", "--velero-namespace", veleroNamespace, "--out", folder];
  const ended = await holdfast.start(args).ended;
  expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining(`objects in ${folder}`)]);
  return { stderr: ended.stderr, folder };
}

interface RecordedSchedules {
  readonly [name: string]: {
    readonly metadata: { readonly name: string; readonly labels?: object };
    readonly spec: object;
  };
}

describe("moving from Velero", () => {
  it("converts a live cluster's schedules, and finds the backups that they made", { timeout: 400_000 }, async () => {
    const velero = await cluster.createNamespace();
    const { namespace, bucket } = holdfast;
    for (const name of SCHEDULES) {
      const recorded = JSON.parse(
        await readFile(new URL(`${name}/schedule.json`, RECORDED), "utf8"),
      ) as RecordedSchedules;
      for (const { metadata, spec } of Object.values(recorded))
        await cluster.create({
          apiVersion: "velero.io/v1",
          kind: "Schedule",
          metadata: { ...metadata, namespace: velero },
          spec,
        });
      const files = new URL(`${name}/backup/`, RECORDED);
      const backup = (await readdir(files)).find((file) => file.endsWith(".tar.gz"))?.replace(".tar.gz", "") ?? "";
      await cp(files, join(bucket, "backups", backup), { recursive: true });
    }

    const { stderr, folder } = await convertLive(velero);
    const written = (await readdir(folder)).sort();
    const policies = await Promise.all(written.map((file) => readFile(join(folder, file), "utf8")));
    await execute(process.execPath, ["src/main.ts", "validate", "-n", namespace, folder], {
      cwd: new URL("../../", import.meta.url),
      env: { PATH: process.env.PATH, HOME: scratch },
    });
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      ...Object.fromEntries(written.map((file, index) => [file, policies[index] ?? ""])),
    });
    const once = await holdfast.once({}, ["--timeout", "240s"]);

    expect(stderr).toContain("cluster:Schedule/s21-hourly:");
    expect(written).toEqual(["backuppolicy-s21-hourly.yaml", "backuppolicy-s21b-hourly.yaml"]);
    // one of the two was PartiallyFailed when Velero made it: no failure of this run
    expect(once.code, once.stderr).toBe(0);
    const found = await cluster.list("Backup.holdfast.dev", namespace);
    const phases = found.map(({ metadata, status }) => `${metadata.name} ${(status as { phase: string }).phase}`);
    expect(phases.sort()).toEqual([
      "s21-hourly-20261120194910 Completed",
      "s21b-hourly-20261120195110 PartiallyFailed",
    ]);
  });
});
