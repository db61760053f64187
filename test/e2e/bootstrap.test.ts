import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import type { TestCluster } from "../support/test-cluster.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, restoreYaml } from "./run-fixture.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const NAMESPACE = "holdfast";
const execute = promisify(execFile);

/** The cluster that is lost, and the blank one that comes after it. */
const lost = usePrivateCluster();
const blank = usePrivateCluster();
const git = useGitServer({ credentials: { username: "bot", password: "secret" } });

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("bootstrap of a blank cluster", () => {
  let scratch = "";
  let bucket = "";
  let hosted: HostedRepository;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "holdfast-bootstrap-"));
    bucket = join(scratch, "bucket");
    await mkdir(bucket);
    hosted = await git.createRepository();
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  async function holdfast(cluster: TestCluster, ...args: string[]): Promise<Said> {
    const credentials = { HOLDFAST_GIT_USERNAME: "bot", HOLDFAST_GIT_PASSWORD: "secret" };
    const own = { HOME: scratch, KUBECONFIG: cluster.kubeconfigPath, HOLDFAST_CLUSTER: "prod", ...credentials };
    const env = { PATH: process.env.PATH, ...own };
    return await execute(process.execPath, [MAIN, ...args], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Said) => ({ code: error.code, stdout: error.stdout, stderr: error.stderr }),
    );
  }

  const bootstrap = async (...args: string[]): Promise<Said> =>
    await holdfast(blank, "bootstrap", "--git", hosted.url, "--path", "clusters/prod", ...args);
  /** No node runs the Deployment's pod here: this does what it would do. */
  const once = async (cluster: TestCluster, ...args: string[]): Promise<Said> =>
    await holdfast(cluster, "run", "--once", "--timeout", "90s", ...args);

  const configMap = (namespace: string, name: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
    data: { colour: "red" },
  });
  const under = (files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).map(([path, text]) => [`clusters/prod/${path}`, text]));
  const oldRun = (day: string) => `restores/shop/older/older-202304${day}120000/status.yaml`;
  /** A restore of 2023, of which the cluster has no RestorePlan any more. */
  const recordOldRun = async (day: string) =>
    await hosted.repository.commit({ branch: "holdfast/prod", files: { [oldRun(day)]: "phase: Completed\n" } });
  const archived = async () =>
    Object.keys(await hosted.repository.readTree("holdfast-archive/prod/2023")).filter((path) => path !== "index.json");

  it("brings back what the lost one had, once it is told that it is lost", { timeout: 900_000 }, async () => {
    // The old cluster: installed the same way, with a backup and a restore that ran.
    await lost.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await lost.create(configMap("shop", "prices"));
    await hosted.repository.commit({
      files: under({
        "location.yaml": locationYaml(NAMESPACE, bucket),
        "shop.yaml": policyYaml(NAMESPACE, "shop", "shop"),
      }),
    });
    const installed = await holdfast(lost, "bootstrap", "--git", hosted.url, "--path", "clusters/prod", "--backups");
    expect([installed.code, installed.stderr].join("\n")).toMatch(/^0\n/);
    const ran = await once(lost);
    expect([ran.code, ran.stderr].join("\n")).toMatch(/^0\n/);
    const backup = (await readdir(join(bucket, "backups"))).find((name) => name.includes("shop-hourly")) ?? "";
    await hosted.repository.commit({ files: under({ "old.yaml": restoreYaml(NAMESPACE, "old", backup) }) });
    await recordOldRun("01");
    expect((await once(lost)).code).toBe(0);
    expect((await lost.get("RestorePlan", NAMESPACE, "old")).status).toMatchObject({ phase: "Completed" });
    expect(await archived()).toEqual([oldRun("01")]);
    const made = await readdir(join(bucket, "backups"));

    // Its name is not given to another one by mistake, and nothing was touched by then.
    const refused = await bootstrap();
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(
      /belongs to the cluster with kube-system UID [\s\S]*--take-over[\s\S]*ClusterMismatch/,
    );
    expect(await blank.list("CustomResourceDefinition")).toEqual([]);

    const taken = await bootstrap("--take-over");
    expect([taken.code, taken.stderr].join("\n")).toMatch(/^0\n/);
    expect(taken.stderr).toMatch(/took over holdfast\/prod of/);
    expect(taken.stderr).toContain(`${backup} of ${NAMESPACE}/shop`);
    expect(taken.stderr).toMatch(/\d+ objects, whole/);
    const [plan] = parseAllDocuments(taken.stdout).map((document) => document.toJS());
    expect(plan).toMatchObject({ kind: "RestorePlan", spec: { source: { backupName: backup } } });
    const head = await hosted.repository.git(["log", "-1", "--format=%B", "holdfast/prod"]);
    expect(head).toMatch(/^Take over the record of prod\n\nHoldfast-Cluster: prod\nHoldfast-Take-Over: /);
    const deployment = await blank.get("Deployment", NAMESPACE, "holdfast");
    expect(JSON.stringify(deployment.spec)).toContain('"--restore-only"');

    await recordOldRun("02");

    // What is merged is what was printed; the old RestorePlan still stands in Git.
    await hosted.repository.commit({ files: under({ "recover.yaml": taken.stdout }) });
    const restored = await once(blank, "--restore-only");
    expect([restored.code, restored.stderr].join("\n")).toMatch(/^0\n/);
    expect((await blank.get("ConfigMap", "shop", "prices")).data).toEqual({ colour: "red" });
    expect(await archived()).toEqual([oldRun("01"), oldRun("02")]);
    const old = (await blank.get("RestorePlan", NAMESPACE, "old")) as unknown as {
      status: { conditions: { type: string; reason: string }[] };
    };
    expect(old.status.conditions.find(({ type }) => type === "Ready")?.reason).toBe("AlreadyRun");
    expect((await blank.get("RestorePlan", NAMESPACE, "recover-shop")).status).toMatchObject({ phase: "Completed" });
    expect((await readdir(join(bucket, "backups"))).filter((name) => name.includes("shop-hourly"))).toEqual(
      made.filter((name) => name.includes("shop-hourly")),
    );

    // Again is the same again; with --backups the schedules run too.
    const again = await bootstrap("--backups");
    expect([again.code, again.stderr].join("\n")).toMatch(/^0\n/);
    expect(JSON.stringify((await blank.get("Deployment", NAMESPACE, "holdfast")).spec)).not.toContain("--restore-only");
    expect(again.stderr).not.toContain("took over");

    // The cluster that was given up, should it come back, writes nothing.
    const undead = await once(lost);
    expect(undead.stderr).toContain("the status branch belongs to another cluster named prod");
  });

  it("says what is wrong with a location before it installs anything", async () => {
    const file = join(scratch, "none.yaml");
    await writeFile(file, "kind: ConfigMap\n");

    const rows = await Promise.all([
      bootstrap("--location", "gs://bucket"),
      bootstrap("--location", "s3://bucket?zone=a"),
      bootstrap("--location", file),
      bootstrap("--location", join(scratch, "absent.yaml")),
    ]);

    expect(rows.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(rows.map(({ stderr }) => stderr).join("")).toMatch(
      /neither s3:\/\/ nor file:[\s\S]*zone[\s\S]*no BackupStorageLocation[\s\S]*neither a URL nor a file/,
    );
  });
});
