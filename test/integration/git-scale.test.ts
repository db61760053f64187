import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { measureContention, measureRecord, percentile } from "../../bench/record/measure.ts";
import { statusBranchStream } from "../../bench/record/status-branch.ts";
import type { HostedRepository } from "../../tools/testbed/git/git-server.ts";
import { AUTHOR, useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const BRANCH = "holdfast/c1";

describe("a status branch that has grown", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();

  async function grown(records: number): Promise<HostedRepository> {
    const hosted = await server.createRepository();
    const stream = [...statusBranchStream(BRANCH, records)].join("");
    await hosted.repository.git(["fast-import", "--quiet", "--done"], stream);
    await hosted.repository.git(["config", "receive.unpackLimit", "100"]);
    return hosted;
  }

  async function measure({ url, repository }: HostedRepository, records: number) {
    const commits = 10;
    const objectsBefore = await countLoose(repository.path);
    const measured = await measureRecord({ url, branch: BRANCH, cacheDir: remotes.cacheDir, records, commits });
    const objects = ((await countLoose(repository.path)) - objectsBefore) / commits;
    await repository.git(["fsck", "--connectivity-only"]);
    return { ...measured, objects, maxWire: Math.max(...measured.wireBytes) };
  }

  it("costs what changed, not what is there: 1,000 and 50,000 records", { timeout: 300_000 }, async () => {
    const small = await measure(await grown(1_000), 1_000);
    const large = await measure(await grown(50_000), 50_000);
    console.log(JSON.stringify({ small, large }));

    expect(large.objects).toBeLessThanOrEqual(small.objects + 1);
    expect(large.maxWire).toBeLessThanOrEqual(64 * 1024);
    expect(large.maxWire).toBeLessThanOrEqual(small.maxWire * 1.5);
    expect(large.rssGrowthMb).toBeLessThanOrEqual(64);
  });

  it("is fetched anew when the clone has grown too much, and leaves nothing behind", async () => {
    const { url, repository } = await server.createRepository();
    const remote = await remotes.open({ url });
    const many = (round: number) =>
      new Map(Array.from({ length: 2_600 }, (_, i) => [`r/${i % 50}/${i}.txt`, `${round} ${i}\n`]));

    for (const round of [1, 2, 3]) {
      await remote.commitIfChanged({ branch: BRANCH, files: many(round), message: `${round}`, author: AUTHOR });
      await repository.commit({ branch: BRANCH, files: { person: `${round}` } });
    }
    const revision = await remote.fetch(BRANCH);

    expect((await remote.readTree(revision, "r")).every(({ bytes }) => bytes.toString().startsWith("3 "))).toBe(true);
    const fetches = remote.traffic.filter(({ operation }) => operation === "fetch");
    expect(fetches.length).toBeGreaterThanOrEqual(3);
    const folders = await readdir(remotes.cacheDir, { recursive: true });
    expect(folders.filter((name) => /clone-\d+$/.test(name))).toHaveLength(1);
    await remote.close();
    expect(await readdir(join(remotes.cacheDir, "git"))).toEqual([]);
  });

  it("takes every commit of ten clusters that write at once", async () => {
    const { url, repository } = await server.createRepository();
    const times = await measureContention({
      url,
      cacheDir: remotes.cacheDir,
      writers: 10,
      commitsEach: 5,
      branchOf: (writer) => `holdfast/c${writer}`,
    });
    console.log(JSON.stringify({ p50: percentile(times, 50), p95: percentile(times, 95) }));

    expect(times).toHaveLength(50);
    for (let writer = 0; writer < 10; writer++) expect(await repository.log(`holdfast/c${writer}`)).toHaveLength(5);
  });
});

async function countLoose(path: string): Promise<number> {
  const names = await readdir(join(path, "objects"), { recursive: true });
  return names.filter((name) => /^[0-9a-f]{2}\/[0-9a-f]{38}$/.test(name)).length;
}
