/** An archive of very many tiny entries, restored in part by the process as it is deployed: streamed, and never held. */
import { createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { backupKeys } from "../../src/storage/layout.ts";
import { createTarHeaderWriter, entryLength } from "../../src/storage/tar-header.ts";
import { testMarker } from "../../src/storage/testing.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, restoreYaml, useInstallation } from "./run-fixture.ts";
import { phaseOf } from "./run-killed-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

const ENTRIES = 1_000_000;
/** The idle process takes 150 of it, rows of 130 bytes the rest; held as objects the entries would take far more. */
const MOST_MIB = 448;
const NAME = "tiny";
/** What the image sets, as far as a variable can. */
const AS_DEPLOYED = "--max-semi-space-size=8";

const headers = createTarHeaderWriter(0);

function tarEntry(namespace: string, name: string): Buffer {
  const path = `resources/configmaps/namespaces/${namespace}/${name}.json`;
  const body = Buffer.from(JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } }));
  const target = Buffer.alloc(entryLength(path, body.length));
  body.copy(target, headers.write(target, 0, path, body.length));
  return target;
}

function* tar(wanted: string): Generator<Buffer> {
  for (let index = 0; index < ENTRIES; index++) yield tarEntry("elsewhere", `t-${index}`);
  yield tarEntry(wanted, "wanted");
  yield Buffer.alloc(1024);
}

/** A backup as Velero leaves it, with one entry in the wanted namespace. */
async function writeVeleroBackup(wanted: string): Promise<void> {
  const keys = backupKeys(NAME);
  await mkdir(join(holdfast.bucket, keys.prefix), { recursive: true });
  await pipeline(
    Readable.from(tar(wanted)),
    createGzip({ level: 1 }),
    createWriteStream(join(holdfast.bucket, keys.archive)),
  );
  await writeFile(join(holdfast.bucket, keys.volumeInfo), gzipSync("[]"));
  await writeFile(join(holdfast.bucket, keys.marker), JSON.stringify(testMarker(NAME)));
}

/** The most memory that a process has had so far, in MiB, as the kernel counts it; 0 when it is gone. */
async function peakMiB(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

it("an archive of a million tiny entries is restored in part, in bounded memory", {
  timeout: 600_000,
}, async () => {
  const wanted = await cluster.createNamespace();
  const { namespace, bucket, repository } = holdfast;
  await writeVeleroBackup(wanted);
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "part.yaml": restoreYaml(namespace, "part", NAME, `  includedNamespaces: [${wanted}]\n`),
  });

  const args = ["run", "--repo", repository.path, "--once", "--timeout", "400s", "--lease-duration", "60s"];
  const running = holdfast.start(args, { env: { NODE_OPTIONS: AS_DEPLOYED } });
  let peak = 0;
  const sampling = setInterval(async () => {
    peak = Math.max(peak, await peakMiB(running.process.pid));
  }, 100);
  const ended = await running.ended;
  clearInterval(sampling);
  const plan = await cluster.get("RestorePlan", namespace, "part");

  expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
  expect([phaseOf(plan), (plan.status as { outcome: { created: number } }).outcome.created]).toEqual(["Completed", 1]);
  expect((await cluster.get("ConfigMap", wanted, "wanted")).metadata.name).toBe("wanted");
  expect(peak).toBeGreaterThan(50);
  expect(peak).toBeLessThan(MOST_MIB);
});
