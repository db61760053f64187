import { describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);

async function policies(): Promise<string[]> {
  return (await cluster.list("BackupPolicy", holdfast.namespace)).map(({ metadata }) => metadata.name).sort();
}

/** A policy that never runs in a test. */
function yearly(name: string): string {
  return policyYaml(holdfast.namespace, name, "default")
    .replace('"@every 1h"', '"@yearly"')
    .replace("firstRun: Immediate", "firstRun: Slot");
}

describe("a repository with something wrong in it", () => {
  it("applies the good files, says where the bad one is, and prunes nothing meanwhile", async () => {
    await holdfast.commit({ "a.yaml": yearly("a"), "b.yaml": yearly("b"), "c.yaml": yearly("c") });
    await holdfast.once({}, ["--prune"]);
    await holdfast.commit({
      "b.yaml": null,
      "bad.yaml": yearly("bad").replace("schedules:", "schedule:"),
      "d.yaml": yearly("d"),
    });

    const ended = await holdfast.once({}, ["--prune"]);

    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/bad\.yaml:\d+:\d+: .*schedule/);
    expect(await policies()).toEqual(["a", "b", "c", "d"]);
  });

  it.each([
    ["an empty repository", async (): Promise<void> => {}, [], /GitEmpty/],
    [
      "a branch that is not there",
      async (): Promise<void> => void (await holdfast.commit({ "a.yaml": yearly("a") })),
      ["--branch", "gone"],
      /GitBranchMissing/,
    ],
    [
      "a path that is not there",
      async (): Promise<void> => void (await holdfast.commit({ "a.yaml": yearly("a") })),
      ["--path", "gone"],
      /GitPathMissing/,
    ],
    [
      "no document of ours",
      async (): Promise<void> => void (await holdfast.commit({ "a.txt": "hello" })),
      [],
      /NoDocuments/,
    ],
  ] as const)("says what is wrong with %s", async (_name, prepare, args, reason) => {
    await prepare();

    const ended = await holdfast.once({}, args);

    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(reason);
    expect(await policies()).toEqual([]);
  });

  it("goes on from a rewritten history only when a person says so", async () => {
    await holdfast.commit({ "a.yaml": yearly("a") });
    await holdfast.once();
    const rewritten = await holdfast.repository.commit({
      message: "Start over",
      files: { "z.yaml": yearly("z") },
      parent: null,
    });

    const refused = await holdfast.once();
    const before = await policies();
    const accepted = await holdfast.once({}, ["--accept-rewrite", rewritten]);

    expect([refused.code, accepted.code]).toEqual([3, 0]);
    expect(refused.stderr).toMatch(/HistoryRewritten/);
    expect([before, await policies()]).toEqual([["a"], ["a", "z"]]);
  });
});

describe("a repository that declares less than before", () => {
  it("prunes what it declared, after a restart too", async () => {
    await holdfast.commit({ "a.yaml": yearly("a"), "b.yaml": yearly("b"), "c.yaml": yearly("c") });
    await holdfast.once({}, ["--prune"]);
    await cluster.applyYaml(yearly("by-hand"));
    await holdfast.commit({ "b.yaml": null });

    const ended = await holdfast.once({}, ["--prune"]);

    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    expect(await policies()).toEqual(["a", "by-hand", "c"]);
  });

  it("holds a mass deletion until its digest is allowed", async () => {
    await holdfast.commit({ "a.yaml": yearly("a"), "b.yaml": yearly("b"), "c.yaml": yearly("c") });
    await holdfast.once({}, ["--prune"]);
    await holdfast.commit({ "b.yaml": null, "c.yaml": null });

    const held = await holdfast.once({}, ["--prune"]);
    const before = await policies();
    const digest = /allow-deletions: ([0-9a-f]{64})/.exec(held.stderr)?.[1] ?? "";
    const allowed = await holdfast.once({}, ["--prune", "--allow-deletions", digest]);

    expect([held.code, allowed.code]).toEqual([3, 0]);
    expect([before, await policies()]).toEqual([["a", "b", "c"], ["a"]]);
  });

  it("prunes nothing at the first look after the path changed", async () => {
    await holdfast.commit({
      "one/a.yaml": yearly("a"),
      "one/b.yaml": yearly("b"),
      "two/a.yaml": yearly("a"),
      "two/c.yaml": yearly("c"),
    });
    await holdfast.once({}, ["--prune", "--path", "one"]);

    const ended = await holdfast.once({}, ["--prune", "--path", "two"]);

    expect(ended.stderr).not.toMatch(/pruned/);
    expect(await policies()).toEqual(["a", "b", "c"]);
  });
});

describe("drift", () => {
  it("is put back, and foreign labels stay", async () => {
    await holdfast.commit({
      "a.yaml": yearly("a"),
      "location.yaml": locationYaml(holdfast.namespace, holdfast.bucket),
    });
    await holdfast.once();
    await cluster.patch("BackupPolicy", holdfast.namespace, "a", {
      metadata: { labels: { mine: "yes" } },
      spec: { suspend: true },
    });

    await holdfast.once();

    const policy = await cluster.get("BackupPolicy", holdfast.namespace, "a");
    expect((policy.spec as { suspend?: boolean }).suspend).toBeUndefined();
    expect(policy.metadata.labels).toEqual({ mine: "yes" });
  });
});
