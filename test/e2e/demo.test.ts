import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { runScript, type ScriptResult } from "../support/run-script.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const DEMO = new URL("../../tools/demo/main.ts", import.meta.url).pathname;
const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** The repository the demo leaves for a look: its last line names it. */
function repositoryOf({ stdout }: ScriptResult): BareRepository {
  const path = /git -C (\S+) log --stat/.exec(stdout)?.[1] ?? "";
  folders.push(dirname(path));
  return BareRepository.open(path);
}

describe.each([
  { store: "a folder", args: [] },
  { store: "an S3 server", args: ["--s3"] },
])("the demo with its backups in $store", ({ args }) => {
  it("loses a shop, restores it from Git and finds every object as it was", async () => {
    const demo = await runScript(DEMO, args);

    expect(`${demo.code}\n${demo.stderr}\n${demo.stdout}`).toMatch(/^0\n/);
    expect(demo.stdout).toMatch(/All \d+ objects are as they were/);
    const record = await repositoryOf(demo).readTree("refs/heads/holdfast/demo");
    const outcomes = Object.entries(record).find(([path]) => path.endsWith("/objects.jsonl"))?.[1] ?? "";
    const restored = outcomes
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; name: string; outcome: string });
    expect(restored).toContainEqual(expect.objectContaining({ kind: "Order", name: "order-1001", outcome: "created" }));
    expect(restored).toContainEqual(
      expect.objectContaining({ kind: "ConfigMap", name: "feature-flags", outcome: "patched" }),
    );
  });
});

describe("the demo in an existing cluster", () => {
  const cluster = usePrivateCluster({ nodes: true });
  const demo = async (): Promise<ScriptResult> =>
    await runScript(DEMO, ["--context", "testbed"], {
      ...process.env,
      KUBECONFIG: cluster.controlPlane.kubeconfigPath,
    });
  const names = async (kind: string): Promise<string[]> =>
    (await cluster.list(kind)).map(({ metadata }) => metadata.name ?? "").sort();

  it("leaves nothing behind", async () => {
    const before = [await names("Namespace"), await names("CustomResourceDefinition"), await names("ClusterRole")];

    const told = await demo();

    repositoryOf(told);
    expect(`${told.code}\n${told.stderr}\n${told.stdout}`).toMatch(/^0\n/);
    expect(told.stdout).toMatch(/All \d+ objects are as they were/);
    expect(told.stdout).toContain("Nothing of it is left in the cluster.");
    expect([await names("Namespace"), await names("CustomResourceDefinition"), await names("ClusterRole")]).toEqual(
      before,
    );
  });

  it("refuses one that has a namespace of its own name, and deletes nothing there", async () => {
    await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });

    const refused = await demo();

    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/already has namespace\/shop; the demo would overwrite it/);
    expect(await names("Namespace")).toContain("shop");
  });
});
