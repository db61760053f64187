import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { systemClock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { readConfig } from "./config.ts";
import { createCliIo } from "./io.ts";
import { restoreCommand } from "./restore.ts";
import { createProgram, runCli } from "./root.ts";

/** Runs `restore create … --dry-run` without a cluster. */
async function scaffold(...argv: string[]): Promise<{ out: string; err: string; code: number }> {
  const output = { out: "", err: "" };
  const io = createCliIo({
    stdout: { write: (text) => (output.out += text), isTTY: false },
    stderr: { write: (text) => (output.err += text), isTTY: false },
    width: 80,
    config: readConfig({}),
    clock: { ...systemClock, now: () => Date.UTC(2026, 0, 2, 3, 4, 5) },
    log: silentLogger,
    signal: new AbortController().signal,
    buildDeps: () => {
      throw new Error("a dry run asks no cluster");
    },
  });
  await runCli(io, createProgram(io, "0.0.0", [restoreCommand(io)]), ["restore", "create", ...argv, "--dry-run"]);
  return { ...output, code: io.exitCode };
}

describe("restore create --dry-run", () => {
  it("names the restore after its backup and the time", async () => {
    const { out, code } = await scaffold("--from-backup", "shop-daily-20260101000000", "-o", "yaml");

    expect(code).toBe(0);
    expect(out.split("\n")[0]).toMatch(/^# yaml-language-server: \$schema=/);
    expect(parse(out)).toEqual({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "RestorePlan",
      metadata: { name: "shop-daily-20260101000000-20260102030405", namespace: "holdfast" },
      spec: { source: { backupName: "shop-daily-20260101000000" } },
    });
  });

  it.each<[string[], object]>([
    [
      ["--include-namespaces", "a,b", "--exclude-namespaces", "c"],
      { includedNamespaces: ["a", "b"], excludedNamespaces: ["c"] },
    ],
    [
      ["--include-resources", "pods", "--exclude-resources", "events"],
      { includedResources: ["pods"], excludedResources: ["events"] },
    ],
    [["--include-names", "web"], { includedNames: ["web"] }],
    [["--include-cluster-resources"], { includeClusterResources: true }],
    [["--include-cluster-resources=false"], { includeClusterResources: false }],
    [["-l", "app=web"], { labelSelector: { matchLabels: { app: "web" } } }],
    [
      ["--or-selector", "app=web or app=db"],
      { orLabelSelectors: [{ matchLabels: { app: "web" } }, { matchLabels: { app: "db" } }] },
    ],
    [["--namespace-mappings", "a:b,c:d"], { namespaceMapping: { a: "b", c: "d" } }],
    [["--storage-class-mappings", "slow:fast"], { storageClassMapping: { slow: "fast" } }],
    [["--existing-resource-policy", "update"], { existingResourcePolicy: "update" }],
    [["--resource-modifier-configmap", "rules"], { resourceModifier: { kind: "ConfigMap", name: "rules" } }],
    [["--resource-policies-configmap", "filters"], { resourcePolicy: { kind: "ConfigMap", name: "filters" } }],
    [["--status-include-resources", "deploy"], { restoreStatus: { includedResources: ["deploy"] } }],
    [["--preserve-nodeports"], { preserveNodePorts: true }],
    [["--restore-volumes=false"], {}],
    [["--no-safety-backup"], { safetyBackup: { mode: "Off" } }],
  ])("%j is written into the spec", async (flags, expected) => {
    const { out, code } = await scaffold("r", "--from-backup", "b", ...flags);

    expect(code).toBe(0);
    expect((parse(out) as { spec: object }).spec).toEqual({ source: { backupName: "b" }, ...expected });
  });

  it("takes the newest backup of a policy, as of a time, and labels", async () => {
    const { out } = await scaffold(
      ...["r", "--from-policy", "shop", "--schedule", "daily", "--as-of", "2026-01-02T03:00:00Z"],
      ...["--labels", "a=1,b=2", "--annotations", "why=x=y"],
    );

    expect(parse(out)).toMatchObject({
      metadata: { labels: { a: "1", b: "2" }, annotations: { why: "x=y" } },
      spec: { source: { policy: { name: "shop", schedule: "daily", asOf: "2026-01-02T03:00:00Z" } } },
    });
  });

  it.each<[string, string[], RegExp]>([
    ["no source", [], /--from-backup or --from-policy/],
    ["two sources", ["--from-backup", "b", "--from-policy", "p"], /--from-backup or --from-policy/],
    ["volume data", ["--from-backup", "b", "--restore-volumes"], /no volume data/],
    [
      "a mapping with a pattern",
      ["--from-backup", "b", "--namespace-mappings", "a*:b"],
      /not valid|names, not patterns/,
    ],
    ["a selector that is none", ["--from-backup", "b", "-l", "a in ("], /not a label selector/],
    [
      "an unknown policy",
      ["--from-backup", "b", "--existing-resource-policy", "force"],
      /none, update, recreate, fail/,
    ],
  ])("refuses %s with exit code 2", async (_what, flags, message) => {
    const { err, out, code } = await scaffold("r", ...flags);

    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(message);
  });
});
