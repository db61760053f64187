/**
 * Who vouches for a commit, whatever the signature's kind: SSH signatures are read here (`ssh-signature.ts`), OpenPGP
 * ones by the `gpg` binary (`openpgp.ts`). X.509 signatures are recognised and not believed.
 */
import { CodedError } from "../errors.ts";
import { createOpenPgpSigner, judgeOpenPgp } from "./openpgp.ts";
import type { CommitInfo, CommitSignature, CommitSigner, SigningKey } from "./remote.ts";
import { type AllowedKey, createSshSigner, judgeSsh, parseAllowedKeys } from "./ssh-signature.ts";

/** What a commit's signature is worth. */
export type SignatureVerdict =
  | { readonly type: "valid"; readonly name: string; readonly fingerprint: string }
  | { readonly type: "unsigned" }
  /** Signed, but by a key that is not among the allowed ones. */
  | { readonly type: "foreign"; readonly fingerprint: string }
  | { readonly type: "unsupported"; readonly format: CommitSignature["format"] }
  | { readonly type: "invalid"; readonly why: string };

/** Keys whose commits are believed. */
export interface TrustedKeys {
  readonly ssh: readonly AllowedKey[];
  /** Armored public keys. */
  readonly openPgp: readonly string[];
}

const PGP_PUBLIC = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const PRIVATE = /-----BEGIN (?:PGP PRIVATE KEY BLOCK|(?:[A-Z]+ )?PRIVATE KEY)-----/;

/**
 * Reads trusted keys from the entries of a Secret or from files: authorized keys or allowed signers of SSH, and armored
 * OpenPGP public keys, in any mixture.
 * @throws {InvalidSpec} when there is none, or one can't be used
 */
export function parseTrustedKeys(texts: readonly string[]): TrustedKeys {
  if (texts.some((text) => PRIVATE.test(text))) throw unusable("a private key stands among them; give the public one");
  const ssh = texts.filter((text) => !text.includes(PGP_PUBLIC)).flatMap(parseAllowedKeys);
  const openPgp = texts.filter((text) => text.includes(PGP_PUBLIC));
  if (ssh.length + openPgp.length === 0) throw unusable("there is none");
  return { ssh, openPgp };
}

function unusable(why: string): CodedError {
  return new CodedError("InvalidSpec", { fields: ["verify"] }, `the keys to verify commits with can't be used: ${why}`);
}

/** Judges a commit's signature, as `commitInfo` returns it. @throws {GnuPgFailed, InvalidSpec} */
export async function judgeSignature(
  signature: CommitSignature | undefined,
  trusted: TrustedKeys,
): Promise<SignatureVerdict> {
  if (signature === undefined) return { type: "unsigned" };
  switch (signature.format) {
    case "ssh":
      return judgeSsh(signature, trusted.ssh);
    case "openpgp":
      return await judgeOpenPgp(signature, trusted.openPgp);
    case "x509":
    case "unknown":
      return { type: "unsupported", format: signature.format };
  }
}

/** Believes a commit or throws, with what a person does about it. @throws {GitCommitUntrusted, GnuPgFailed, InvalidSpec} */
export async function assertTrusted(commit: CommitInfo, trusted: TrustedKeys): Promise<void> {
  const verdict = await judgeSignature(commit.signature, trusted);
  if (verdict.type === "valid") return;
  const { revision, author } = commit;
  const why = reasonOf(verdict);
  const message = `the commit ${revision} by ${author.name} <${author.email}> ${why}, and nothing of it is used: put a commit on top that is signed by a key of spec.verify, or add the signer's public key there`;
  throw new CodedError("GitCommitUntrusted", { revision, why }, message);
}

function reasonOf(verdict: Exclude<SignatureVerdict, { type: "valid" }>): string {
  switch (verdict.type) {
    case "unsigned":
      return "is not signed";
    case "foreign":
      return `is signed by a key that is not among the trusted ones (${verdict.fingerprint})`;
    case "unsupported":
      return `carries a signature that is neither SSH's nor OpenPGP's (${verdict.format})`;
    case "invalid":
      return `carries a signature that is not valid: ${verdict.why}`;
  }
}

/** Makes a signer from a private key: OpenSSH's format, PEM, or an armored OpenPGP key. @throws {InvalidSpec} */
export function createSigner(key: SigningKey): CommitSigner {
  if (key.text.includes("-----BEGIN PGP PRIVATE KEY BLOCK-----")) return createOpenPgpSigner(key);
  return createSshSigner(key).sign;
}
