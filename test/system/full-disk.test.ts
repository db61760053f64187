import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { locationYaml, useInstallation } from "../e2e/run-fixture.ts";
import type { KubeObject } from "../support/kube-object.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const run = promisify(execFile);

/** A bucket on a disk of its own, one megabyte large. Root is not held back by permissions, but by these. */
const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

beforeEach(() => mount("size=1m"));
afterEach(() => run("umount", ["--lazy", holdfast.bucket]));

async function mount(options: string): Promise<void> {
  await run("mount", ["-t", "tmpfs", "-o", options, "holdfast-test", holdfast.bucket]);
}

function backupYaml(name: string, included: string): string {
  return `apiVersion: holdfast.dev/v1alpha1
kind: Backup
metadata: {name: ${name}, namespace: ${holdfast.namespace}}
spec: {storageLocation: main, includedNamespaces: [${included}]}
`;
}

/** A namespace with this many bytes that don't compress. */
async function createShop(bytes: number): Promise<string> {
  const shop = await cluster.createNamespace();
  for (let at = 0; bytes > 0; at++, bytes -= 600_000) {
    const data = { prices: randomBytes(Math.min(bytes, 600_000)).toString("base64") };
    await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `p-${at}`, namespace: shop }, data });
  }
  return shop;
}

interface Status {
  readonly phase?: string;
  readonly failureReason?: string;
  readonly message?: string;
}

const statusOf = ({ status }: KubeObject): Status => (status ?? {}) as Status;

describe("a bucket on a real disk", () => {
  it("that is full fails the backup with that reason, keeps the earlier one whole, and takes the next that fits", async () => {
    const [small, large] = [await createShop(10_000), await createShop(3_000_000)];
    const { namespace, bucket } = holdfast;
    await holdfast.commit({ "main.yaml": locationYaml(namespace, bucket), "a.yaml": backupYaml("earlier", small) });
    const first = await holdfast.once();
    await holdfast.commit({ "b.yaml": backupYaml("large", large) });

    const full = await holdfast.once();
    await holdfast.commit({ "c.yaml": backupYaml("later", small) });
    const later = await holdfast.once();

    expect([first.code, full.code, later.code]).toEqual([0, 3, 0]);
    expect(full.stderr).toMatch(/Backup \S+\/large.*the disk is full or the quota used up \(ENOSPC\)/);
    expect(statusOf(await cluster.get("Backup", namespace, "large"))).toMatchObject({
      phase: "Failed",
      failureReason: expect.stringMatching(/the disk is full/),
    });
    expect((await readdir(`${bucket}/backups`)).sort()).toEqual(["earlier", "later"]);
    const verified = await holdfast.start(["backup", "verify", "--all", "--read-data"]).ended;
    expect([verified.code, verified.stdout].join("\n")).toMatch(/^0\n/);
  });

  it("that is read-only is told by the location, and nothing is lost", async () => {
    const small = await createShop(10_000);
    const { namespace, bucket } = holdfast;
    await holdfast.commit({ "main.yaml": locationYaml(namespace, bucket), "a.yaml": backupYaml("earlier", small) });
    await holdfast.once();
    await mount("remount,ro");
    await holdfast.commit({ "b.yaml": backupYaml("later", small) });

    const ended = await holdfast.once();

    expect(ended.code).toBe(3);
    expect(statusOf(await cluster.get("BackupStorageLocation", namespace, "main"))).toMatchObject({
      phase: "Unavailable",
      message: expect.stringMatching(/it is not writable \(EROFS\)/),
    });
    expect(statusOf(await cluster.get("Backup", namespace, "later")).phase).toBe("New");
    expect(statusOf(await cluster.get("Backup", namespace, "earlier")).phase).toBe("Completed");
    expect(await readdir(`${bucket}/backups`)).toEqual(["earlier"]);
  });
});
