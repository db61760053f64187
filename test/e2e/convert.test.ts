import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
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
    ["Backup", "backups"],
    ["Restore", "restores"],
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
  const folder = join(scratch, `converted-${veleroNamespace}`);
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

  it.each(["four-schedules", "restores", "server"])(
    "converts a live cluster as it converts the files of %s",
    async (name) => {
      const velero = await cluster.createNamespace();
      const files = fileURLToPath(new URL(`../testdata/convert/${name}/original/`, import.meta.url));
      for (const file of await readdir(files)) {
        const text = (await readFile(join(files, file), "utf8")).replaceAll(
          "namespace: velero",
          `namespace: ${velero}`,
        );
        for (const document of parseAllDocuments(text)) {
          const object = document.toJS() as { readonly kind: string; readonly items?: readonly object[] };
          for (const each of object.kind === "List" ? (object.items ?? []) : [object]) await cluster.create(each);
        }
      }

      const { stderr, folder } = await convertLive(velero);

      const expected = new URL(`../testdata/convert/${name}/expected/`, import.meta.url);
      const { "notes.txt": notes = "", ...wanted } = await textsIn(fileURLToPath(expected));
      // the API server sorts the fields of what it has no schema for, and lists Schedules by name
      const objectsOf = (texts: Readonly<Record<string, string>>): unknown => mapValues(texts, withSortedSchedules);
      expect(objectsOf(await textsIn(folder))).toEqual(
        objectsOf(
          mapValues(wanted, (text) => text.replaceAll("namespace: holdfast", `namespace: ${holdfast.namespace}`)),
        ),
      );
      for (const note of notes.split("\n").filter((line) => /^\S+:\d+: /.test(line)))
        expect(stderr).toContain(note.replace(/^\S+:\d+: /, ""));
    },
  );
});

function withSortedSchedules(text: string): unknown {
  const object = parse(text) as { readonly spec?: { readonly schedules?: { readonly name: string }[] } };
  object.spec?.schedules?.sort((a, b) => (a.name < b.name ? -1 : 1));
  return object;
}

function mapValues<V, W>(values: Readonly<Record<string, V>>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}

/** Each file of a folder, by name. */
async function textsIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  return Object.fromEntries(names.map((name, at) => [name, texts[at] ?? ""]));
}
