import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { locationYaml, policyYaml, useInstallation } from "./run-fixture.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster, { per: "file" });
const BRANCH = "holdfast/testbed";

/** One backup of a policy, made and recorded by the product; every test starts from this state. */
describe("backup verify against the index in Git", () => {
  let name = "";
  let shard = "";
  let head = "";
  beforeAll(async () => {
    const { namespace, bucket } = holdfast;
    await holdfast.commit({
      "location.yaml": locationYaml(namespace, bucket),
      "shop.yaml": policyYaml(namespace, "shop", namespace),
    });
    const ended = await holdfast.once();
    expect([ended.code, ended.stderr].join("\n")).toMatch(/^0\n/);
    [name = ""] = await readdir(join(bucket, "backups"));
    shard = Object.keys(await holdfast.record()).find((path) => /^backups\/.*index\.json$/.test(path)) ?? "";
    head = (await holdfast.repository.resolve(BRANCH)) ?? "";
    await cp(bucket, `${bucket}.whole`, { recursive: true });
  });
  beforeEach(async () => {
    const { bucket, repository } = holdfast;
    await rm(bucket, { recursive: true });
    await cp(`${bucket}.whole`, bucket, { recursive: true });
    await repository.setBranch(BRANCH, head);
  });

  const verify = async (...args: string[]) =>
    await holdfast.start(["backup", "verify", "--all", "--git", holdfast.repository.path, ...args]).ended;

  const inFolder = (file: string) => join(holdfast.bucket, "backups", name, file.replace("NAME", name));

  async function flip(file: string): Promise<void> {
    const bytes = await readFile(inFolder(file));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(inFolder(file), bytes);
  }

  const ZEROS = "0".repeat(64);
  const tamperShard = async (change: (text: string) => string): Promise<void> => {
    const before = await holdfast.repository.readFile(BRANCH, shard);
    await holdfast.repository.commit({ branch: BRANCH, files: { [shard]: change(before) } });
  };

  it("is content while bucket, cluster and Git agree", async () => {
    const ended = await verify("--read-data");

    expect(ended.stdout).toContain(`${name}: ok`);
    expect(ended.stderr).toContain(`compared with ${BRANCH} of`);
    expect(ended.code).toBe(0);
  });

  it("knows a backup whose record moved to the branch of its year", async () => {
    const { repository } = holdfast;
    const archive = "holdfast-archive/testbed/2023";
    const file = shard.replace("index.json", `${name}.yaml`);
    const read = async (path: string) => await repository.readFile(BRANCH, path);
    const files = { [shard]: await read(shard), [file]: await read(file) };
    await repository.commit({ branch: archive, files });
    const index = { ...JSON.parse(await read("index.json")), archived: { 2023: { branch: archive } } };
    const left = { [shard]: null, [file]: null, "index.json": JSON.stringify(index) };
    await repository.commit({ branch: BRANCH, files: left });

    const ended = await verify("--read-data");

    expect(ended.stdout).toContain(`${name}: ok`);
    expect(ended.code).toBe(0);
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ["a flipped bit in the archive", () => flip("NAME.tar.gz"), /(flipped|replaced) {2}\S+\.tar\.gz/],
    ["a flipped bit in the index file", () => flip("holdfast-index.jsonl.gz"), /(flipped|replaced) {2}holdfast-index/],
    ["a tampered manifest", () => flip("holdfast.json"), /manifest {2}holdfast\.json/],
    [
      "a truncated file",
      async () => await writeFile(inFolder("NAME-logs.gz"), (await readFile(inFolder("NAME-logs.gz"))).subarray(0, 9)),
      /truncated {2}\S+-logs\.gz/,
    ],
    ["a missing file", () => rm(inFolder("NAME-results.gz")), /missing {2}\S+-results\.gz/],
    ["an extra file", () => writeFile(inFolder("note.txt"), "hello"), /extra {2}note\.txt/],
    [
      "a backup that is gone",
      () => rm(join(holdfast.bucket, "backups", name), { recursive: true }),
      /lost {2}backups\/.*index\.json: recorded as Completed/,
    ],
    [
      "an index in Git that names another manifest",
      () => tamperShard((text) => text.replace(/"manifestSha256": ?"[0-9a-f]{64}"/, `"manifestSha256":"${ZEROS}"`)),
      /tampered {2}backups\/.*the index in Git was changed/,
    ],
    [
      "an index in Git without the backup's row",
      () => tamperShard((text) => text.replace(/^.*"shop-.*$\n/m, "")),
      /unrecorded {2}the record: the bucket has shop-/,
    ],
    [
      "a backup's own file in Git that names another manifest",
      async () => {
        const path = shard.replace("index.json", `${name}.yaml`);
        const text = (await holdfast.repository.readFile(BRANCH, path)).replace(
          /manifestSha256: .*/,
          `manifestSha256: "${ZEROS}"`,
        );
        await holdfast.repository.commit({ branch: BRANCH, files: { [path]: text } });
      },
      /tampered {2}backups\/.*one of them was changed by hand/,
    ],
  ])("names %s", async (_what, damage, said) => {
    await damage();

    const ended = await verify("--read-data");

    expect(ended.stdout).toMatch(said);
    expect(ended.code).toBe(1);
  });
});
