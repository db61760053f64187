import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BareRepository } from "../../tools/testbed/git/bare-repository.ts";
import { locationYaml, policyYaml, useInstallation } from "../e2e/run-fixture.ts";
import { useGitServer } from "../support/use-git-server.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";

const cluster = usePrivateCluster();
const holdfast = useInstallation(cluster);
const git = useGitServer();
const run = promisify(execFile);

interface Key {
  readonly path: string;
  readonly publicKey: string;
}

describe("a source whose commits must be signed", () => {
  let folder = "";
  let ada: Key;
  let eve: Key;
  let bot: Key;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-trust-"));
    [ada, eve, bot] = (await Promise.all(["ada", "eve", "bot"].map(makeKey))) as [Key, Key, Key];
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function makeKey(name: string): Promise<Key> {
    const path = join(folder, name);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", `${name}@example.com`, "-f", path]);
    return { path, publicKey: await readFile(`${path}.pub`, "utf8") };
  }

  /** Commits files, then lets git itself sign that commit; without a key it stays unsigned. */
  async function commit(repository: BareRepository, files: Record<string, string>, key?: Key): Promise<string> {
    const unsigned = await repository.commit({ files });
    if (key === undefined) return unsigned;
    const parent = (await repository.git(["log", "-1", "--format=%P", unsigned])).trim();
    const signing = ["-c", "gpg.format=ssh", "-c", `user.signingKey=${key.path}`, "commit-tree", "-S"];
    const parents = parent === "" ? [] : ["-p", parent];
    const signed = (await repository.git([...signing, ...parents, "-m", "Signed", `${unsigned}^{tree}`])).trim();
    await repository.setBranch("main", signed);
    return signed;
  }

  async function createSource(url: string): Promise<void> {
    const { namespace } = holdfast;
    const secret = (name: string, stringData: object) =>
      cluster.apply({ apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, stringData });
    await secret("trusted", { ada: ada.publicKey });
    await secret("signing", { "ssh-privatekey": await readFile(bot.path, "utf8") });
    const keys = { verify: { secretRef: { name: "trusted" } }, signingKey: { secretRef: { name: "signing" } } };
    await cluster.create({
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "GitSource",
      metadata: { name: "main", namespace },
      spec: { url, interval: "1s", ...keys },
    });
  }

  interface Standing {
    readonly applied: string | undefined;
    readonly condition: string;
    readonly message: string;
  }

  /** What the source says after one look at it. */
  async function look(): Promise<Standing> {
    await holdfast.start(["run", "--once", "--timeout", "60s"]).ended;
    const { status } = (await cluster.get("GitSource", holdfast.namespace, "main")) as unknown as {
      status: {
        lastAppliedRevision?: string;
        conditions: { type: string; status: string; reason: string; message: string }[];
      };
    };
    const told =
      status.conditions.find(({ type }) => type === "Stalled") ??
      status.conditions.find(({ type }) => type === "Ready");
    const { type = "", reason = "", message = "" } = told ?? {};
    return { applied: status.lastAppliedRevision, condition: `${type} ${reason}`, message };
  }

  const policy = async (name: string) => await cluster.find("BackupPolicy", holdfast.namespace, name);

  it("applies what a trusted key signed, and neither an unsigned commit, nor a stranger's, nor an older one", {
    timeout: 300_000,
  }, async () => {
    const { namespace, bucket } = holdfast;
    const { url, repository } = await git.createRepository();
    const first = await commit(repository, { "location.yaml": locationYaml(namespace, bucket) }, ada);
    await createSource(url);

    expect(await look()).toMatchObject({ applied: first, condition: "Ready Applied" });

    const unsigned = await commit(repository, { "unsigned.yaml": policyYaml(namespace, "unsigned", namespace) });
    const afterUnsigned = await look();
    expect(afterUnsigned).toMatchObject({ applied: first, condition: "Stalled GitCommitUntrusted" });
    expect(afterUnsigned.message).toContain(`${unsigned} by Test Author <author@example.com> is not signed`);
    expect(afterUnsigned.message).toContain("spec.verify");

    await repository.setBranch("main", first);
    await commit(repository, { "foreign.yaml": policyYaml(namespace, "foreign", namespace) }, eve);
    const afterForeign = await look();
    expect(afterForeign).toMatchObject({ applied: first, condition: "Stalled GitCommitUntrusted" });
    expect(afterForeign.message).toContain("a key that is not among the trusted ones");

    await repository.setBranch("main", first);
    const second = await commit(repository, { "good.yaml": policyYaml(namespace, "good", namespace) }, ada);
    expect(await look()).toMatchObject({ applied: second, condition: "Ready Applied" });

    await repository.setBranch("main", first);
    expect(await look()).toMatchObject({ applied: second, condition: "Stalled HistoryRewritten" });
    expect([await policy("unsigned"), await policy("foreign")]).toEqual([undefined, undefined]);
    expect(await policy("good")).toBeDefined();

    const allowed = join(folder, "allowed");
    await writeFile(allowed, `bot@example.com ${bot.publicKey}`);
    const settings = ["-c", "gpg.format=ssh", "-c", `gpg.ssh.allowedSignersFile=${allowed}`];
    const record = await repository.git([...settings, "log", "--format=%G? %GS", "refs/heads/holdfast/testbed"]);
    expect(new Set(record.trim().split("\n"))).toEqual(new Set(["G bot@example.com"]));
  });

  it("takes the keys of --repo from files", async () => {
    const { namespace, bucket, repository } = holdfast;
    await commit(repository, { "location.yaml": locationYaml(namespace, bucket) }, ada);
    const signing = { HOLDFAST_SIGNING_KEY: bot.path };

    const refused = await holdfast.once({ env: signing }, ["--verify-keys", `${eve.path}.pub`]);
    const applied = await holdfast.once({ env: signing }, [
      "--verify-keys",
      `${eve.path}.pub`,
      "--verify-keys",
      `${ada.path}.pub`,
    ]);

    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("a key that is not among the trusted ones");
    expect([applied.code, applied.stderr].join("\n")).toMatch(/^0\n/);
    expect(await repository.git(["cat-file", "commit", "refs/heads/holdfast/testbed"])).toContain(
      "gpgsig -----BEGIN SSH",
    );
  });
});
