/** SSH signatures (PROTOCOL.sshsig of OpenSSH, gitformat-signature), verified against named keys and made with our own. */
import { createHash, sign, verify } from "node:crypto";
import { CodedError } from "../errors.ts";
import type { CommitSignature, CommitSigner, SigningKey } from "./remote.ts";
import type { SignatureVerdict } from "./signature.ts";
import { fingerprint, parsePrivateKey, parsePublicBlob, type SshPrivateKey, type SshPublicKey } from "./ssh-key.ts";
import { readSsh, sshInteger, sshString, trimZeros } from "./ssh-wire.ts";

/** A key whose commits are believed. */
export interface AllowedKey {
  /** Whose it is: the principal of an allowed-signers line, else the key's comment. */
  readonly name: string;
  readonly fingerprint: string;
  readonly blob: Buffer;
}

const MAGIC = "SSHSIG";
const NAMESPACE = "git";
const HASHES = new Set(["sha256", "sha512"]);

/** Judges an SSH signature of a commit. Pure. */
export function judgeSsh(signature: CommitSignature, allowed: readonly AllowedKey[]): SignatureVerdict {
  try {
    return verifySshSignature(signature, allowed);
  } catch (error) {
    // Whatever is wrong with bytes from outside, they prove nothing.
    return { type: "invalid", why: error instanceof RangeError ? error.message : "the signature is malformed" };
  }
}

function verifySshSignature(signature: CommitSignature, allowed: readonly AllowedKey[]): SignatureVerdict {
  const parsed = parseArmored(signature.armored);
  const known = allowed.find(({ blob }) => blob.equals(parsed.key.blob));
  if (known === undefined) return { type: "foreign", fingerprint: fingerprint(parsed.key.blob) };
  if (parsed.namespace !== NAMESPACE) return { type: "invalid", why: "the signature was made for something else" };
  const signed = signedBytes(signature.payload, parsed.hash);
  if (!verifyBytes(parsed.key, parsed.signature, signed)) {
    return { type: "invalid", why: "the signature does not fit the commit" };
  }
  return { type: "valid", name: known.name, fingerprint: known.fingerprint };
}

interface ParsedSignature {
  readonly key: SshPublicKey;
  readonly namespace: string;
  readonly hash: string;
  readonly signature: Buffer;
}

function parseArmored(armored: string): ParsedSignature {
  const body = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----\s*$/.exec(armored)?.[1];
  if (body === undefined) throw new RangeError("the signature is malformed");
  const reader = readSsh(Buffer.from(body, "base64"));
  if (reader.raw(MAGIC.length).toString("latin1") !== MAGIC || reader.uint32() !== 1) {
    throw new RangeError("the signature has an unknown version");
  }
  const key = parsePublicBlob(reader.bytes());
  const namespace = reader.text();
  reader.bytes();
  const hash = reader.text();
  if (!HASHES.has(hash)) throw new RangeError(`the signature uses the hash ${hash}`);
  return { key, namespace, hash, signature: reader.bytes() };
}

/** What an SSH signature is really made over: a hash of the message, in a frame that names its purpose. */
function signedBytes(message: Uint8Array, hash: string): Buffer {
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([Buffer.from(MAGIC), sshString(NAMESPACE), sshString(""), sshString(hash), sshString(digest)]);
}

const RSA_HASHES: Readonly<Record<string, string>> = { "rsa-sha2-256": "sha256", "rsa-sha2-512": "sha512" };

function verifyBytes(key: SshPublicKey, blob: Buffer, signed: Buffer): boolean {
  const reader = readSsh(blob);
  const algorithm = reader.text();
  const bytes = reader.bytes();
  if (key.algorithm === "ssh-rsa") {
    // `ssh-rsa` itself means SHA-1 here, and is not believed.
    const hash = RSA_HASHES[algorithm];
    return hash !== undefined && verify(hash, signed, key.key, bytes);
  }
  if (algorithm !== key.algorithm) return false;
  const message = key.application === undefined ? signed : securityKeyBytes(key.application, reader, signed);
  if (key.algorithm.includes("ed25519")) return verify(null, message, key.key, bytes);
  return verify(curveHash(key.algorithm), message, { key: key.key, dsaEncoding: "ieee-p1363" }, fixedPair(key, bytes));
}

/** A security key signs over its application, whether the user was there, and a counter (PROTOCOL.u2f). */
function securityKeyBytes(application: string, reader: ReturnType<typeof readSsh>, signed: Buffer): Buffer {
  const state = reader.raw(5);
  if (((state[0] ?? 0) & 1) === 0) throw new RangeError("the security key was not touched for this signature");
  const sha256 = (bytes: Uint8Array | string): Buffer => createHash("sha256").update(bytes).digest();
  return Buffer.concat([sha256(application), state, sha256(signed)]);
}

function curveHash(algorithm: string): string {
  if (algorithm.endsWith("nistp384")) return "sha384";
  return algorithm.endsWith("nistp521") ? "sha512" : "sha256";
}

/** SSH's pair of integers as one field of fixed length, which node:crypto takes. */
function fixedPair(key: SshPublicKey, bytes: Buffer): Buffer {
  const size = coordinateBytes(key);
  const reader = readSsh(bytes);
  const pad = (integer: Buffer): Buffer => {
    const magnitude = trimZeros(integer);
    if (magnitude.length > size) throw new RangeError("the signature is malformed");
    return Buffer.concat([Buffer.alloc(size - magnitude.length), magnitude]);
  };
  return Buffer.concat([pad(reader.bytes()), pad(reader.bytes())]);
}

function coordinateBytes(key: SshPublicKey): number {
  return Buffer.from(key.key.export({ format: "jwk" }).x ?? "", "base64url").length;
}

/**
 * Makes a signer from a private key (OpenSSH's format or PEM; Ed25519, ECDSA or RSA).
 * @throws {InvalidSpec} when the key can't be used
 */
export function createSshSigner(signingKey: SigningKey): { readonly sign: CommitSigner; readonly publicKey: string } {
  const pair = parsePrivateKey(signingKey);
  const { algorithm, blob } = pair.publicKey;
  return { sign: (payload) => armoredSignature(pair, payload), publicKey: `${algorithm} ${blob.toString("base64")}` };
}

function armoredSignature(pair: SshPrivateKey, payload: Uint8Array): string {
  const { publicKey } = pair;
  const signature = signBytes(pair, signedBytes(payload, "sha512"));
  const version = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([
    Buffer.from(MAGIC),
    version,
    ...[publicKey.blob, NAMESPACE, "", "sha512", signature].map(sshString),
  ]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN SSH SIGNATURE-----", ...lines, "-----END SSH SIGNATURE-----", ""].join("\n");
}

function signBytes({ key, publicKey }: SshPrivateKey, message: Buffer): Buffer {
  const { algorithm } = publicKey;
  if (algorithm === "ssh-ed25519") return Buffer.concat([sshString(algorithm), sshString(sign(null, message, key))]);
  if (algorithm === "ssh-rsa") {
    return Buffer.concat([sshString("rsa-sha2-512"), sshString(sign("sha512", message, key))]);
  }
  const pair = sign(curveHash(algorithm), message, { key, dsaEncoding: "ieee-p1363" });
  const half = pair.length / 2;
  const integers = Buffer.concat([sshInteger(pair.subarray(0, half)), sshInteger(pair.subarray(half))]);
  return Buffer.concat([sshString(algorithm), sshString(integers)]);
}

/**
 * Reads keys, one to a line: `ssh-ed25519 AAAA… comment`, or a line of Git's allowed-signers file. Empty lines and
 * comments are skipped.
 * @throws {InvalidSpec} for a line that can't be read, or that limits a key in a way we would not enforce
 */
export function parseAllowedKeys(text: string): readonly AllowedKey[] {
  const lines = text.split("\n").map((line, index) => ({ line: line.trim(), number: index + 1 }));
  return lines.filter(({ line }) => line !== "" && !line.startsWith("#")).map(parseAllowedLine);
}

const KEY_TYPE = /(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+([A-Za-z0-9+/=]+)(?:\s+(.*))?$/;

function parseAllowedLine({ line, number }: { line: string; number: number }): AllowedKey {
  const found = KEY_TYPE.exec(line);
  const encoded = found?.[2];
  if (found === null || encoded === undefined) throw badLine(number, "it holds no SSH public key");
  const before = line.slice(0, found.index).trim();
  const [principal, ...options] = before === "" ? [] : before.split(/\s+/);
  const other = options.find((option) => !/^namespaces="(?:[^"]*,)?git(?:,[^"]*)?"$/i.test(option));
  if (other !== undefined) throw badLine(number, `the option ${other} is not supported`);
  try {
    const { blob } = parsePublicBlob(Buffer.from(encoded, "base64"));
    const print = fingerprint(blob);
    return { name: principal ?? found[3] ?? print, fingerprint: print, blob };
  } catch (error) {
    throw badLine(number, error instanceof RangeError ? error.message : "the key is malformed");
  }
}

function badLine(number: number, why: string): CodedError {
  return new CodedError("InvalidSpec", { fields: ["verify"] }, `line ${number} of the signing keys: ${why}`);
}
