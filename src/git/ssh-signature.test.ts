import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cutSignature, serializeCommit, withSignature } from "./commit-object.ts";
import type { CommitSignature } from "./remote.ts";
import { type AllowedKey, createSshSigner, judgeSsh, parseAllowedKeys } from "./ssh-signature.ts";
import { sshString } from "./ssh-wire.ts";

const RECORDED = join(import.meta.dirname, "../../test/testdata/git-signatures");
const verdictOf = (signature: CommitSignature | undefined, allowed: readonly AllowedKey[]) =>
  signature === undefined ? { type: "unsigned" } : judgeSsh(signature, allowed);
const read = (name: string) => readFileSync(join(RECORDED, name));
const KINDS = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa2048"];

const DRAFT = serializeCommit({
  tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  parents: ["1".repeat(40)],
  author: { name: "Holdfast", email: "h@example.com" },
  timeMs: 1_780_000_000_000,
  message: "Record\n\nWith a body",
});

describe("signatures made by git and ssh-keygen", () => {
  it.each(KINDS)("believes %s by its own key only", (kind) => {
    const signature = cutSignature(read(`${kind}.commit`));
    const others = KINDS.filter((other) => other !== kind).map((other) => read(`${other}.pub`).toString());

    const own = verdictOf(signature, parseAllowedKeys(read(`${kind}.pub`).toString()));
    const foreign = verdictOf(signature, parseAllowedKeys(others.join("")));

    expect(own).toMatchObject({ type: "valid", name: "ada@example.com" });
    expect(foreign).toMatchObject({ type: "foreign", fingerprint: "fingerprint" in own ? own.fingerprint : "" });
  });

  it.each(KINDS)("disbelieves %s when any byte of the commit differs", (kind) => {
    const raw = read(`${kind}.commit`);
    const allowed = parseAllowedKeys(read(`${kind}.pub`).toString());
    const payloadBytes = [raw.indexOf("tree ") + 5, raw.indexOf("178000"), raw.indexOf("policy"), raw.length - 1];

    for (const at of payloadBytes) {
      const changed = Buffer.from(raw);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(verdictOf(cutSignature(changed), allowed).type).not.toBe("valid");
    }
  });
});

describe("signing", () => {
  it.each(["ed25519", "ecdsa256", "rsa2048"])(
    "makes what verification believes, from an OpenSSH key (%s)",
    async (kind) => {
      const signer = createSshSigner({ text: read(`${kind}.key`).toString() });

      const commit = withSignature(DRAFT, await signer.sign(DRAFT));

      expect(cutSignature(commit)?.payload).toEqual(DRAFT);
      const allowed = parseAllowedKeys(read(`${kind}.pub`).toString());
      expect(verdictOf(cutSignature(commit), allowed)).toMatchObject({ type: "valid" });
    },
  );

  it.each([
    ["Ed25519", () => generateKeyPairSync("ed25519").privateKey],
    ["P-384", () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey],
    ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey],
  ])("makes what verification believes, from a PEM key (%s)", async (_kind, generate) => {
    const signer = createSshSigner({ text: generate().export({ format: "pem", type: "pkcs8" }).toString() });

    const commit = withSignature(DRAFT, await signer.sign(DRAFT));

    expect(verdictOf(cutSignature(commit), parseAllowedKeys(signer.publicKey))).toMatchObject({ type: "valid" });
  });
});

describe("a security key's signature", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const algorithm = "sk-ssh-ed25519@openssh.com";
  const point = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const blob = Buffer.concat([algorithm, point, "ssh:"].map(sshString));

  /** As PROTOCOL.u2f says: no such key is at hand in a test. */
  function signedWithFlags(flags: number): Buffer {
    const sha = (hash: string, bytes: Uint8Array | string) => createHash(hash).update(bytes).digest();
    const state = Buffer.from([flags, 0, 0, 0, 7]);
    const frame = ["git", "", "sha512", sha("sha512", DRAFT)].map(sshString);
    const signed = Buffer.concat([Buffer.from("SSHSIG"), ...frame]);
    const bytes = sign(null, Buffer.concat([sha("sha256", "ssh:"), state, sha("sha256", signed)]), privateKey);
    const inner = Buffer.concat([sshString(algorithm), sshString(bytes), state]);
    const outer = [blob, "git", "", "sha512", inner].map(sshString);
    const body = Buffer.concat([Buffer.from("SSHSIG"), Buffer.from([0, 0, 0, 1]), ...outer]).toString("base64");
    return withSignature(DRAFT, `-----BEGIN SSH SIGNATURE-----\n${body}\n-----END SSH SIGNATURE-----\n`);
  }

  it("counts when someone touched it, and not otherwise", () => {
    const allowed = parseAllowedKeys(`${algorithm} ${blob.toString("base64")} token`);

    expect(verdictOf(cutSignature(signedWithFlags(1)), allowed)).toMatchObject({ type: "valid", name: "token" });
    expect(verdictOf(cutSignature(signedWithFlags(0)), allowed)).toMatchObject({ type: "invalid" });
  });
});
