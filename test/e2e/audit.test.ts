import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditReport } from "../../src/report/audit.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });

/** A policy made by one person, changed in a merge by another, with a backup under each commit, and a slot that was missed. */
describe("audit of a real cluster and repository", () => {
  const commits = { added: "", merged: "" };
  beforeAll(async () => {
    const { namespace, bucket, repository } = holdfast;
    const files = {
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", namespace),
    };
    // Written three hours ago: of the slots since then only one is made up for.
    commits.added = await by("Ada", hoursAgo(3), await holdfast.commit(files));
    expect((await holdfast.once()).code).toBe(0);
    const changed = policyYaml(namespace, "shop", namespace).replace("1h", "30s").replace("ttl: 25h", "ttl: 26h");
    const branch = await repository.commit({
      branch: "change",
      parent: commits.added,
      files: { "shop.yaml": changed },
    });
    const work = await by("Bob", hoursAgo(1), branch);
    const merge = ["commit-tree", "-p", commits.added, "-p", work, "-m", "Merge: keep longer", `${work}^{tree}`];
    commits.merged = await by("Mia", hoursAgo(0), (await repository.git(merge)).trim());
    expect((await holdfast.once()).code).toBe(0);
  });

  function hoursAgo(hours: number): number {
    return Math.floor(Date.now() / 1000) - hours * 3600;
  }

  /** Gives a commit another author and time, and points main at it. */
  async function by(author: string, seconds: number, commit: string): Promise<string> {
    const raw = await holdfast.repository.git(["cat-file", "commit", commit]);
    const person = `${author} <${author.toLowerCase()}@example.com> ${seconds} +0000`;
    const text = raw.replace(/^author .*$/m, `author ${person}`).replace(/^committer .*$/m, `committer ${person}`);
    const revision = (await holdfast.repository.git(["hash-object", "-t", "commit", "-w", "--stdin"], text)).trim();
    await holdfast.repository.setBranch("main", revision);
    return revision;
  }

  const audit = async (...args: string[]) =>
    await holdfast.start(["audit", "--git", holdfast.repository.path, ...args]).ended;

  it("says who changed what, who merged it, and which backups were made under it", async () => {
    const ended = await audit("--verify", "-o", "json");
    const report = JSON.parse(ended.stdout) as AuditReport;
    const policy = `${holdfast.namespace}/shop`;

    expect(report.changes.filter(({ object }) => object === `BackupPolicy ${policy}`)).toMatchObject([
      {
        type: "changed",
        commit: commits.merged,
        authors: ["Bob <bob@example.com>"],
        mergedBy: "Mia <mia@example.com>",
        subject: "Merge: keep longer",
        fields: expect.arrayContaining(["/spec/schedules/0/ttl"]),
      },
      { type: "added", commit: commits.added, authors: ["Ada <ada@example.com>"] },
    ]);
    expect(report.revisions.map(({ revision, backups }) => [revision, backups.length > 0])).toEqual(
      expect.arrayContaining([[commits.added, true]]),
    );
    expect(report.gaps[0]).toMatchObject({ policy, schedule: "hourly" });
    expect(report.uncoveredNamespaces).toEqual(expect.arrayContaining(["default", "kube-system"]));
    expect(report.uncoveredNamespaces).not.toContain(holdfast.namespace);
    expect(report.findings).toEqual([]);
    expect(ended.code).toBe(3);
  });

  it("finds by --verify what was changed in the bucket", async () => {
    const [name = ""] = await readdir(join(holdfast.bucket, "backups"));
    const file = join(holdfast.bucket, "backups", name, "note.txt");
    await writeFile(file, "not there before");

    const report = JSON.parse((await audit("--verify", "-o", "json")).stdout) as AuditReport;

    expect(report.findings).toEqual([expect.stringMatching(/^\S+: extra note\.txt/)]);
  });

  it("calls nothing clean that it found no record of", async () => {
    const other = await holdfast.start([
      "audit",
      "--git",
      holdfast.repository.path,
      "--status-branch",
      "holdfast/mistyped",
    ]).ended;
    const elsewhere = await audit("--path", "mistyped");

    expect([other.code, other.stdout]).toEqual([1, ""]);
    expect(other.stderr).toMatch(
      /has no branch holdfast\/mistyped, so nothing is recorded there.*\[GitBranchMissing\]/,
    );
    expect([elsewhere.code, elsewhere.stdout]).toEqual([1, ""]);
    expect(elsewhere.stderr).toMatch(/ever touched mistyped: see what --path names \[GitPathMissing\]/);
  });

  it("prints text, CSV and a page that loads nothing, and asks no cluster when told so", async () => {
    const git = ["--no-cluster"];
    const [text, csv, html] = await Promise.all([
      audit(...git),
      audit(...git, "--format", "csv"),
      audit(...git, "--format", "html"),
    ]);

    expect(text.stdout).toMatch(/CHANGES|Changes\nTIME +COMMIT[\s\S]*Bob <bob@example\.com> \(merged by Mia/);
    expect(text.stdout).toContain("not looked at: no cluster was asked");
    expect(csv.stdout.split("\r\n")[0]).toBe("event,time,until,object,schedule,state,revision,who,detail");
    expect(csv.stdout).toMatch(/^backup,/m);
    expect(html.stdout).toMatch(/^<!doctype html>/);
    expect(html.stdout).toContain("Bob &lt;bob@example.com&gt; (merged by Mia");
    expect(html.stdout).toMatch(/<circle class="Completed"/);
    expect(html.stdout).not.toMatch(/<script|https?:\/\/|url\(|@import/);
  });
});
