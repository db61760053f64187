import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SigningKey } from "../../src/git/remote.ts";
import { createSigner, judgeSignature, parseTrustedKeys } from "../../src/git/signature.ts";
import { AUTHOR, useGitRemotes } from "../support/use-git-remotes.ts";
import { useGitServer } from "../support/use-git-server.ts";

const run = promisify(execFile);
const KINDS = ["ed25519", "rsa3072", "nistp256"];

describe("OpenPGP signatures, against the real git and gpg", () => {
  const server = useGitServer();
  const remotes = useGitRemotes();
  let home = "";

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "hf-test-gpg-"));
  });
  afterAll(async () => {
    await run("gpgconf", ["--homedir", home, "--kill", "all"]);
    await rm(home, { recursive: true, force: true });
  });

  const gpg = async (...args: string[]) =>
    await run("gpg", ["--homedir", home, "--batch", "--pinentry-mode", "loopback", ...args]);

  let made = 0;
  /** A key of a person, in the person's own keyring. */
  async function makeKey(kind = "ed25519", { passphrase = "", expires = "never" } = {}) {
    const person = `person-${++made}@example.com`;
    await gpg("--passphrase", passphrase, "--quick-generate-key", person, kind, "sign", expires);
    const exported = async (...args: string[]) =>
      (await gpg("--passphrase", passphrase, "--armor", ...args, person)).stdout;
    return { person, publicKey: await exported("--export"), privateKey: await exported("--export-secret-keys") };
  }

  /** A commit that git itself signs; `wrapper` stands in for gpg. */
  async function signedByGit(person: string, wrapper: string) {
    const { url, repository } = await server.createRepository();
    await repository.commit({ files: { a: "1" } });
    const settings = ["-c", `gpg.program=${wrapper}`];
    const tree = (await repository.git(["rev-parse", "main^{tree}"])).trim();
    const signed = [...settings, "commit-tree", `-S${person}`, "-p", "main", "-m", "Ünsigned? No.", tree];
    await repository.setBranch("main", (await repository.git(signed)).trim());
    return { url, repository };
  }

  /** Git runs the program it is told with no arguments of ours: the keyring has to stand in a script. */
  async function gpgWith(keyring: string, options = ""): Promise<string> {
    const path = join(home, `gpg-${++made}`);
    await writeFile(path, `#!/bin/sh\nexec gpg --homedir ${keyring} --batch --trust-model always ${options} "$@"\n`, {
      mode: 0o755,
    });
    return path;
  }

  async function verdict(url: string, keys: readonly string[]) {
    const remote = await remotes.open({ url });
    const { signature } = await remote.commitInfo(await remote.fetch("main"));
    return await judgeSignature(signature, parseTrustedKeys(keys));
  }

  it.each(KINDS)("believes a commit that git signed with an %s key, and no other key", async (kind) => {
    const key = await makeKey(kind);
    const stranger = await makeKey();
    const { url } = await signedByGit(key.person, await gpgWith(home));

    expect(await verdict(url, [key.publicKey])).toMatchObject({ type: "valid", name: key.person });
    expect(await verdict(url, [stranger.publicKey])).toMatchObject({ type: "foreign" });
    expect(await verdict(url, [stranger.publicKey, key.publicKey])).toMatchObject({ type: "valid" });
  });

  it.each([...KINDS.map((kind) => [kind, ""] as const), ["ed25519", "open sesame"] as const])(
    "signs commits with an %s key (passphrase %j) so that git and gpg believe them",
    async (kind, passphrase) => {
      const key = await makeKey(kind, { passphrase });
      const { url, repository } = await server.createRepository();
      const signingKey: SigningKey = { text: key.privateKey, passphrase };
      const remote = await remotes.open({ url }, { signingKey, verifyKeys: [key.publicKey] });

      const { revision = "" } = await remote.commitIfChanged({
        branch: "status",
        files: new Map([["a", "1"]]),
        message: "Record\n\nHoldfast-Cluster: ü",
        author: AUTHOR,
      });

      const settings = ["-c", `gpg.program=${await gpgWith(home)}`];
      await repository.git([...settings, "verify-commit", revision]);
      expect(await repository.git([...settings, "log", "-1", "--format=%G? %GS", "status"])).toBe(`G ${key.person}\n`);
      await remote.assertTrusted(revision);
    },
  );

  it("believes neither a changed commit nor a revoked key", async () => {
    const key = await makeKey();
    const { url, repository } = await signedByGit(key.person, await gpgWith(home));
    const raw = await repository.git(["cat-file", "commit", "main"]);
    const signed = (await repository.git(["rev-parse", "main"])).trim();
    const forged = await repository.git(["hash-object", "-t", "commit", "-w", "--stdin"], raw.replace("No.", "Yes"));

    await repository.setBranch("main", forged.trim());
    expect(await verdict(url, [key.publicKey])).toEqual({ type: "invalid", why: "it does not fit the commit" });
    await repository.setBranch("main", signed);
    expect(await verdict(url, [key.publicKey])).toMatchObject({ type: "valid" });
    expect(await verdict(url, [await revoked(key.person)])).toMatchObject({
      type: "invalid",
      why: expect.stringContaining("revoked"),
    });
  });

  /** The public key of a person who has said that it is not to be believed any more. */
  async function revoked(person: string): Promise<string> {
    const { stdout } = await gpg("--with-colons", "--fingerprint", person);
    const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(stdout)?.[1];
    const certificate = join(home, "openpgp-revocs.d", `${fingerprint}.rev`);
    // gpg puts a colon in front, so that nobody imports it by accident.
    await writeFile(certificate, (await readFile(certificate, "utf8")).replace(":-----BEGIN", "-----BEGIN"));
    await gpg("--import", certificate);
    return (await gpg("--armor", "--export", person)).stdout;
  }

  it("does not believe a key that has expired", async () => {
    const then = await mkdtemp(join(home, "then-"));
    const past = ["--faked-system-time", "20200101T000000!"];
    const old = async (...args: string[]) => await run("gpg", ["--homedir", then, "--batch", ...past, ...args]);
    const quick = ["--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key"];
    await old(...quick, "old@example.com", "ed25519", "sign", "1d");
    const publicKey = (await old("--armor", "--export", "old@example.com")).stdout;
    const { url } = await signedByGit("old@example.com", await gpgWith(then, past.join(" ")));
    await run("gpgconf", ["--homedir", then, "--kill", "all"]);

    expect(await verdict(url, [publicKey])).toMatchObject({
      type: "invalid",
      why: expect.stringContaining("its key has expired"),
    });
  });

  it("says what is wrong with a key, without repeating it, and leaves no keyring behind", async () => {
    const locked = await makeKey("ed25519", { passphrase: "open sesame" });
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith("hf-gpg-"));
    const signs = async (key: SigningKey) => await createSigner(key)(Buffer.from("a commit"));
    const garbage = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n";

    await expect(signs({ text: locked.privateKey, passphrase: "close" })).rejects.toThrow(
      /passphrase does not open it/,
    );
    await expect(signs({ text: locked.privateKey })).rejects.toThrow(/passphrase does not open it/);
    await expect(signs({ text: garbage })).rejects.toThrow(/OpenPGP key of spec.signingKey can't be used/);
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith("hf-gpg-") && !before.includes(name));
    expect(left).toEqual([]);
  });
});
