/** SSH keys as node:crypto takes them: it reads PEM and JWK, but not OpenSSH's own formats. */
import { createHash, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { CodedError } from "../errors.ts";
import type { SigningKey } from "./remote.ts";
import { readSsh, type SshReader, sshInteger, sshString, trimZeros } from "./ssh-wire.ts";

/** A public key, with what its signatures are made over. */
export interface SshPublicKey {
  readonly algorithm: string;
  /** The key in SSH's encoding: what two equal keys have in common. */
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** A security key signs over its application too (PROTOCOL.u2f). */
  readonly application: string | undefined;
}

const CURVES: Readonly<Record<string, string>> = { nistp256: "P-256", nistp384: "P-384", nistp521: "P-521" };
const MIN_RSA_BITS = 2048;

/** `SHA256:…`, as ssh-keygen prints it. */
export function fingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** Reads a public key in SSH's encoding. @throws {RangeError} when it is malformed, of a kind we don't know, or weak */
export function parsePublicBlob(blob: Buffer): SshPublicKey {
  const reader = readSsh(blob);
  const algorithm = reader.text();
  const jwk = publicJwk(algorithm, reader);
  const application = algorithm.startsWith("sk-") ? reader.text() : undefined;
  if (!reader.done) throw new RangeError("the public key is longer than it should be");
  return { algorithm, blob, key: createPublicKey({ key: jwk, format: "jwk" }), application };
}

function publicJwk(algorithm: string, reader: SshReader): JsonWebKey {
  switch (algorithm) {
    case "ssh-ed25519":
    case "sk-ssh-ed25519@openssh.com":
      return { kty: "OKP", crv: "Ed25519", x: base64url(reader.bytes()) };
    case "ssh-rsa": {
      const e = trimZeros(reader.bytes());
      const n = trimZeros(reader.bytes());
      if (n.length * 8 < MIN_RSA_BITS) throw new RangeError(`RSA keys need ${MIN_RSA_BITS} bits`);
      return { kty: "RSA", n: base64url(n), e: base64url(e) };
    }
    case "ecdsa-sha2-nistp256":
    case "ecdsa-sha2-nistp384":
    case "ecdsa-sha2-nistp521":
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      return curveJwk(reader.text(), reader.bytes());
    default:
      throw new RangeError(`keys of type ${algorithm} are not supported`);
  }
}

function curveJwk(curve: string, point: Buffer): JsonWebKey {
  const crv = CURVES[curve];
  if (crv === undefined || point[0] !== 4) throw new RangeError("the elliptic curve key is malformed");
  const half = (point.length - 1) / 2;
  return { kty: "EC", crv, x: base64url(point.subarray(1, 1 + half)), y: base64url(point.subarray(1 + half)) };
}

/** A key that signs, with its public half. */
export interface SshPrivateKey {
  readonly key: KeyObject;
  readonly publicKey: SshPublicKey;
}

/**
 * Reads a private key: OpenSSH's format without a passphrase, PKCS#8 or PKCS#1 also with one.
 * @throws {InvalidSpec} when it is none, or the passphrase does not open it
 */
export function parsePrivateKey({ text, passphrase }: SigningKey): SshPrivateKey {
  try {
    const armored = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END OPENSSH PRIVATE KEY-----/.exec(text)?.[1];
    const jwk = armored === undefined ? undefined : openSshJwk(Buffer.from(armored, "base64"));
    const key =
      jwk === undefined
        ? createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) })
        : createPrivateKey({ key: jwk, format: "jwk" });
    return { key, publicKey: parsePublicBlob(publicBlobOf(createPublicKey(key).export({ format: "jwk" }))) };
  } catch (error) {
    // What the parser says may quote the key.
    const why = error instanceof RangeError ? error.message : "it is no SSH or PEM private key that can be opened";
    throw new CodedError("InvalidSpec", { fields: ["signingKey"] }, `the signing key can't be used: ${why}`);
  }
}

/** OpenSSH derives its key by bcrypt, which OpenSSL lacks. */
const ENCRYPTED =
  "OpenSSH's format is read without a passphrase only (ssh-keygen -p takes it off); PEM and OpenPGP keys may have one";

const OPENSSH_MAGIC = "openssh-key-v1\0";

/** PROTOCOL.key of OpenSSH. */
function openSshJwk(bytes: Buffer): JsonWebKey {
  const reader = readSsh(bytes);
  if (reader.raw(OPENSSH_MAGIC.length).toString("latin1") !== OPENSSH_MAGIC) throw new RangeError("it is malformed");
  const cipher = reader.text();
  reader.text();
  reader.bytes();
  if (cipher !== "none") throw new RangeError(ENCRYPTED);
  if (reader.uint32() !== 1) throw new RangeError("it holds more than one key");
  reader.bytes();
  const secret = readSsh(reader.bytes());
  // A number and its copy: they differ when a passphrase was needed to read them.
  const check = secret.uint32();
  if (secret.uint32() !== check) throw new RangeError("it is damaged");
  return privateJwk(secret.text(), secret);
}

function privateJwk(algorithm: string, secret: SshReader): JsonWebKey {
  if (algorithm === "ssh-ed25519") {
    const x = secret.bytes();
    return { kty: "OKP", crv: "Ed25519", x: base64url(x), d: base64url(secret.bytes().subarray(0, 32)) };
  }
  if (algorithm.startsWith("ecdsa-sha2-")) {
    const jwk = curveJwk(secret.text(), secret.bytes());
    const size = Buffer.from(jwk.x ?? "", "base64url").length;
    const d = trimZeros(secret.bytes());
    return { ...jwk, d: base64url(Buffer.concat([Buffer.alloc(size - d.length), d])) };
  }
  if (algorithm !== "ssh-rsa") throw new RangeError(`keys of type ${algorithm} are not supported`);
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => trimZeros(secret.bytes())) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const remainder = (prime: Buffer): Buffer => bigBytes(bigInt(d) % (bigInt(prime) - 1n));
  const jwk = { n, e, d, p, q, dp: remainder(p), dq: remainder(q), qi };
  return { kty: "RSA", ...Object.fromEntries(Object.entries(jwk).map(([name, value]) => [name, base64url(value)])) };
}

function publicBlobOf(jwk: JsonWebKey): Buffer {
  const field = (name: "x" | "y" | "n" | "e"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  if (jwk.kty === "RSA") return Buffer.concat([sshString("ssh-rsa"), sshInteger(field("e")), sshInteger(field("n"))]);
  if (jwk.crv === "Ed25519") return Buffer.concat([sshString("ssh-ed25519"), sshString(field("x"))]);
  const curve = Object.keys(CURVES).find((name) => CURVES[name] === jwk.crv);
  if (curve === undefined) throw new RangeError(`keys on the curve ${jwk.crv ?? "?"} are not supported`);
  const point = Buffer.concat([Buffer.from([4]), field("x"), field("y")]);
  return Buffer.concat([sshString(`ecdsa-sha2-${curve}`), sshString(curve), sshString(point)]);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function bigInt(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}

function bigBytes(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}
