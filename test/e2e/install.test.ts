import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";
import { writeKubeconfig } from "../../tools/testbed/control-plane/kubeconfig.ts";
import { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml } from "./run-fixture.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const NAMESPACE = "holdfast";
const execute = promisify(execFile);

// `kubectl apply -k .` writes cluster-wide kinds and roles, and `delete -k .` takes the CRDs away: no shared cluster.
const cluster = usePrivateCluster();
let scratch = "";

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "holdfast-install-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function kubectl(...args: string[]): Promise<string> {
  return (await execute(await findBinary("kubectl"), ["--kubeconfig", cluster.kubeconfigPath, ...args])).stdout;
}

async function install(): Promise<void> {
  await kubectl("apply", "-k", ROOT);
  await kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=holdfast", "--timeout=60s");
}

/** The rights of the Deployment, and nothing else. */
async function serviceAccountKubeconfig(): Promise<string> {
  const token = (await kubectl("create", "token", "holdfast", "-n", NAMESPACE)).trim();
  const path = join(scratch, `kubeconfig-${token.slice(-8).replace(/\W/g, "")}`);
  await writeKubeconfig(path, { ...cluster.connection, token });
  return path;
}

interface World {
  readonly repository: BareRepository;
  readonly bucket: string;
  once(): Promise<void>;
}

async function openWorld(name: string): Promise<World> {
  const bucket = join(scratch, `${name}-bucket`);
  await mkdir(bucket);
  const repository = await BareRepository.create(join(scratch, `${name}.git`));
  const once = async (): Promise<void> => {
    const args = [join(ROOT, "src/main.ts"), "run", "--repo", repository.path, "--once", "--timeout", "90s"];
    const kubeconfig = await serviceAccountKubeconfig();
    const env = { PATH: process.env.PATH, HOME: scratch, KUBECONFIG: kubeconfig, HOLDFAST_CLUSTER: name };
    await execute(process.execPath, args, { env });
  };
  return { repository, bucket, once };
}

describe("kubectl apply -k .", () => {
  it("renders what the API server accepts by a server-side dry run", async () => {
    await kubectl("create", "namespace", NAMESPACE);

    const rendered = await kubectl("kustomize", ROOT);
    const accepted = await kubectl("apply", "-k", ROOT, "--dry-run=server", "-o", "name");

    expect(accepted.trim().split("\n")).toHaveLength(parseAllDocuments(rendered).length);
    expect(accepted).toContain("deployment.apps/holdfast");
    expect(await cluster.list("CustomResourceDefinition")).toEqual([]);
  });

  it("grants what a backup and a restore need, and is found again after kubectl delete -k .", async () => {
    await install();
    const shop = await cluster.createNamespace();
    const prices = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "prices", namespace: shop },
      data: { pear: "2" },
    };
    await cluster.create(prices);
    const { repository, bucket, once } = await openWorld("reinstalled");
    const declared = { "location.yaml": locationYaml(NAMESPACE, bucket) };
    await repository.commit({
      message: "Back up",
      files: { ...declared, "shop.yaml": policyYaml(NAMESPACE, "shop", shop) },
    });
    await once();
    const [made] = await cluster.list("Backup", NAMESPACE);
    const backup = made?.metadata.name ?? "";
    const marker = join(bucket, "backups", backup, "velero-backup.json");
    const before = await readFile(marker);
    const described = await kubectl("describe", "hbk", backup, "-n", NAMESPACE);

    await kubectl("delete", "-k", ROOT, "--timeout=120s");
    await cluster.delete("ConfigMap", shop, "prices");
    await install();
    await repository.commit({
      message: "Restore",
      files: { "shop.yaml": null, "restore.yaml": restoreYaml(NAMESPACE, "bring-back", backup) },
    });
    await once();

    // both in one second may stand in either order
    expect(described).toMatch(/Normal +BackupStarted /);
    expect(described).toMatch(/Normal +BackupCompleted /);
    expect(await readFile(marker)).toEqual(before);
    expect((await cluster.list("Backup", NAMESPACE)).map(({ metadata }) => metadata.name)).toContain(backup);
    expect((await cluster.get("ConfigMap", shop, "prices")).data).toEqual({ pear: "2" });
  });

  it("gives kubectl get columns that say how things stand", async () => {
    const shown = await kubectl("get", "hbp,hbk,hrp,hbsl", "-n", NAMESPACE);

    expect(shown).toMatch(/NAME\s+.*(SCHEDULES|SUSPEND|LAST|READY)/);
    expect(shown).toMatch(/restoreplan.holdfast.dev\/bring-back\s.*Completed/);
    expect(await kubectl("get", "holdfast", "-n", NAMESPACE, "-o", "name")).toContain(
      "backupstoragelocation.holdfast.dev/main",
    );
  });
});
