import { execFile } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judgeSignature, parseTrustedKeys } from "../../src/git/signature.ts";
import { createSshSigner, parseAllowedKeys } from "../../src/git/ssh-signature.ts";
import { runGit } from "../../tools/testbed/git/run-git.ts";
import { AUTHOR, useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const run = promisify(execFile);

const KEYS = [
  ["ed25519", []],
  ["ecdsa", ["-b", "256"]],
  ["ecdsa", ["-b", "384"]],
  ["ecdsa", ["-b", "521"]],
  ["rsa", ["-b", "3072"]],
] as const;

describe("SSH signatures, against the real git and ssh-keygen", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();
  let folder = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  let made = 0;
  async function makeKey(type: string, options: readonly string[] = [], passphrase = "") {
    const path = join(folder, `key-${++made}`);
    await run("ssh-keygen", ["-q", "-t", type, ...options, "-N", passphrase, "-C", "ada@example.com", "-f", path]);
    return { path, privateKey: await readFile(path, "utf8"), publicKey: await readFile(`${path}.pub`, "utf8") };
  }

  /** A commit by git itself, signed with a key, pushed to a new repository. */
  async function signedByGit(keyPath: string) {
    const { url, repository } = await server.createRepository();
    const work = await mkdtemp(join(folder, "work-"));
    const git = (...args: string[]) =>
      runGit(["-c", "gpg.format=ssh", "-c", `user.signingKey=${keyPath}`, ...args], { cwd: work });
    await git("init", "--quiet", "--initial-branch=main", ".");
    await writeFile(join(work, "a.yaml"), "a\n");
    await git("add", ".");
    await git("commit", "--quiet", "-S", "-m", "Ünsigned? No.\n\nBody\n\n  indented line");
    await git("push", "--quiet", url, "main");
    return { url, repository, work };
  }

  it.each(KEYS)("believes a commit that git signed with an %s key %j, and no other", async (type, options) => {
    const key = await makeKey(type, options);
    const stranger = await makeKey("ed25519");
    const { url } = await signedByGit(key.path);
    const remote = await remotes.open({ url });

    const { signature } = await remote.commitInfo(await remote.fetch("main"));

    const by = (text: string) => judgeSignature(signature, parseTrustedKeys([text]));
    expect(await by(`# people\n${key.publicKey}\n`)).toMatchObject({ type: "valid", name: "ada@example.com" });
    expect(await by(stranger.publicKey)).toMatchObject({ type: "foreign" });
  });

  it.each(KEYS)("signs commits with an %s key %j so that git believes them", async (type, options) => {
    const key = await makeKey(type, options);
    const { url, repository } = await server.createRepository();
    const keys = { signingKey: { text: key.privateKey }, verifyKeys: [key.publicKey] };
    const remote = await remotes.open({ url }, keys);

    const outcome = await remote.commitIfChanged({
      branch: "status",
      files: new Map([["a", "1"]]),
      message: "Record\n\nHoldfast-Cluster: ü",
      author: AUTHOR,
    });

    const signers = join(folder, `allowed-${made}`);
    await writeFile(signers, `holdfast@example.com ${key.publicKey}\n`);
    const settings = ["-c", "gpg.format=ssh", "-c", `gpg.ssh.allowedSignersFile=${signers}`];
    await repository.git([...settings, "verify-commit", outcome.revision ?? ""]);
    expect(await repository.git([...settings, "log", "-1", "--format=%G? %GS", "status"])).toBe(
      "G holdfast@example.com\n",
    );
    await remote.assertTrusted(outcome.revision ?? "");
  });

  it("signs with a PEM key that a passphrase opens, and with no other passphrase", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const encoding = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" } as const;
    const text = privateKey.export(encoding).toString();
    const plain = createSshSigner({ text: privateKey.export({ type: "pkcs8", format: "pem" }).toString() });

    const opened = createSshSigner({ text, passphrase: "open sesame" });

    expect(opened.publicKey).toBe(plain.publicKey);
    expect(publicKey.asymmetricKeyType).toBe("ed25519");
    expect(() => createSshSigner({ text, passphrase: "close" })).toThrow(/can be opened/);
    expect(() => createSshSigner({ text })).toThrow(/can be opened/);
  });

  it("does not believe a commit that was changed after signing, or signed for another purpose", async () => {
    const key = await makeKey("ed25519");
    const { repository, url } = await signedByGit(key.path);
    const allowed = parseTrustedKeys([key.publicKey]);
    const raw = await repository.git(["cat-file", "commit", "main"]);
    const forged = raw.replace("Body", "Evil");
    const payload = join(folder, "payload");
    await writeFile(payload, raw.replace(/gpgsig [\s\S]*?-----END SSH SIGNATURE-----\n/, ""));
    await run("ssh-keygen", ["-Y", "sign", "-n", "file", "-f", key.path, payload]);
    const otherPurpose = (await readFile(`${payload}.sig`, "utf8")).trimEnd().split("\n").join("\n ");
    const moved = raw.replace(/gpgsig [\s\S]*?-----END SSH SIGNATURE-----/, `gpgsig ${otherPurpose}`);
    const remote = await remotes.open({ url });

    for (const [branch, bytes] of [
      ["forged", forged],
      ["moved", moved],
    ] as const) {
      const oid = (await repository.git(["hash-object", "-t", "commit", "-w", "--stdin"], bytes)).trim();
      await repository.setBranch(branch, oid);
      const { signature } = await remote.commitInfo(await remote.fetch(branch));
      expect([branch, (await judgeSignature(signature, allowed)).type]).toEqual([branch, "invalid"]);
    }
  });

  it("tells an unsigned commit and an OpenPGP signature from a believed one, and survives garbage", async () => {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { a: "1" } });
    const raw = await repository.git(["cat-file", "commit", "main"]);
    const withSignature = (armored: string) => raw.replace("\n\n", `\ngpgsig ${armored.split("\n").join("\n ")}\n\n`);
    const armors = {
      pgp: "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----",
      x509: "-----BEGIN SIGNED MESSAGE-----\niQ==\n-----END SIGNED MESSAGE-----",
      cut: "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQAAADMAAAAL\n-----END SSH SIGNATURE-----",
      none: "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----",
    };
    const remote = await remotes.open({ url });
    const verdictOf = async (branch: string) =>
      await judgeSignature((await remote.commitInfo(await remote.fetch(branch))).signature, { ssh: [], openPgp: [] });

    expect(await verdictOf("main")).toEqual({ type: "unsigned" });
    for (const [branch, armored] of Object.entries(armors)) {
      const oid = (
        await repository.git(["hash-object", "-t", "commit", "-w", "--stdin"], withSignature(armored))
      ).trim();
      await repository.setBranch(branch, oid);
    }
    expect(await verdictOf("pgp")).toMatchObject({ type: "invalid" });
    expect(await verdictOf("x509")).toEqual({ type: "unsupported", format: "x509" });
    expect(await verdictOf("cut")).toMatchObject({ type: "invalid" });
    expect(await verdictOf("none")).toMatchObject({ type: "invalid" });
  });

  it("refuses keys it can't use or would not enforce, without repeating them", async () => {
    const protectedKey = await makeKey("ed25519", [], "passphrase");
    const weak = await makeKey("rsa", ["-b", "1024"]);
    const fine = (await makeKey("ed25519")).publicKey.trim();

    expect(() => createSshSigner({ text: protectedKey.privateKey })).toThrow(/passphrase/);
    expect(() => createSshSigner({ text: "hello" })).toThrow(/no SSH or PEM private key/);
    expect(() => createSshSigner({ text: weak.privateKey })).toThrow(/2048 bits/);
    expect(() => parseTrustedKeys([protectedKey.privateKey])).toThrow(/private key stands among them/);
    expect(() => parseTrustedKeys([])).toThrow(/there is none/);
    expect(() => parseAllowedKeys(weak.publicKey)).toThrow(/line 1.*2048 bits/);
    expect(() => parseAllowedKeys(`\nada valid-before="20200101" ${fine}`)).toThrow(/line 2.*valid-before/);
    expect(() => parseAllowedKeys("not a key")).toThrow(/line 1/);
    expect(parseAllowedKeys(`ada@x,bob@x namespaces="git,file" ${fine}`)[0]?.name).toBe("ada@x,bob@x");
  });
});
