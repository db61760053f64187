/** OpenPGP signatures by the `gpg` binary: fixed arguments, no shell, and a keyring that lives for one question. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError } from "../errors.ts";
import type { CommitSignature, CommitSigner, SigningKey } from "./remote.ts";
import { type Finished, runProgram } from "./run-program.ts";
import type { SignatureVerdict } from "./signature.ts";

/** Nothing of a user's own configuration, no agent unless asked for, no network; SHA-1 proves nothing any more. */
const FIXED = ["--no-options", "--batch", "--no-tty", "--quiet", "--trust-model", "always", "--status-fd", "1"];
const OFFLINE = ["--no-auto-key-retrieve", "--disable-dirmngr", "--weak-digest", "SHA1"];

/** Judges a signature by the given armored keys. @throws {GnuPgFailed}; @throws {InvalidSpec} for keys gpg can't read */
export async function judgeOpenPgp(signature: CommitSignature, keys: readonly string[]): Promise<SignatureVerdict> {
  return await withKeyring(async (home) => {
    for (const key of keys) await importKey(home, "verify", key);
    const file = join(home, "commit.asc");
    await writeFile(file, signature.armored);
    const { output } = await gpg(home, ["--no-autostart", "--verify", file, "-"], { input: signature.payload });
    return judgeStatus(output);
  });
}

const STATUS = /^\[GNUPG:\] (GOODSIG|BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) ([0-9A-F]+) ?(.*)$/gm;

const REFUSALS: Readonly<Record<string, string>> = {
  BADSIG: "it does not fit the commit",
  EXPSIG: "it has expired",
  EXPKEYSIG: "its key has expired (give the renewed public key)",
  REVKEYSIG: "its key was revoked",
  ERRSIG: "gpg could not check it",
};

/** What gpg's status lines say. Exactly one signature is believed: two in one armor once passed for each other. */
export function judgeStatus(output: string): SignatureVerdict {
  const lines = [...output.matchAll(STATUS)];
  const [, word = "", keyId = "", rest = ""] = lines[0] ?? [];
  if (lines.length !== 1) return { type: "invalid", why: lines.length === 0 ? "it is malformed" : "there are several" };
  if (word === "ERRSIG" && /^\[GNUPG:\] NO_PUBKEY /m.test(output)) {
    return { type: "foreign", fingerprint: rest.split(" ").at(-1) ?? keyId };
  }
  const fingerprint = /^\[GNUPG:\] VALIDSIG ([0-9A-F]{40,}) /m.exec(output)?.[1];
  if (word !== "GOODSIG" || fingerprint === undefined) {
    return { type: "invalid", why: REFUSALS[word] ?? "gpg says nothing of the key" };
  }
  return { type: "valid", name: rest, fingerprint };
}

/** Makes a signer from one armored private key; what is wrong with it shows when it signs. */
export function createOpenPgpSigner(key: SigningKey): CommitSigner {
  return async (payload) =>
    await withKeyring(async (home) => {
      const fingerprint = await importKey(home, "signingKey", key.text);
      const unlock = ["--pinentry-mode", "loopback", "--passphrase-fd", "3"];
      const asked = ["--local-user", fingerprint, "--armor", "--output", "-", "--detach-sign"];
      const signed = await gpg(home, [...unlock, ...asked], { input: payload, secret: key.passphrase ?? "" });
      const armored = /-----BEGIN PGP SIGNATURE-----[\s\S]+?-----END PGP SIGNATURE-----\n/.exec(signed.output)?.[0];
      if (signed.failure === undefined && armored !== undefined) return armored;
      const why = /passphrase/i.test(signed.complaint) ? "the passphrase does not open it" : lastLine(signed);
      throw invalidKey("signingKey", why);
    });
}

/** Puts a key into the keyring. Returns the fingerprint. */
async function importKey(home: string, field: string, armored: string): Promise<string> {
  const isSecret = field === "signingKey";
  const args = isSecret ? ["--import"] : ["--no-autostart", "--import"];
  const imported = await gpg(home, args, { input: armored });
  const found = new Set(
    [...imported.output.matchAll(/^\[GNUPG:\] IMPORT_OK \d+ ([0-9A-F]+)$/gm)].map(([, one]) => one),
  );
  const [fingerprint] = found;
  if (fingerprint === undefined) throw invalidKey(field, lastLine(imported));
  if (isSecret && found.size > 1) throw invalidKey(field, "it holds several keys; give one");
  return fingerprint;
}

function invalidKey(field: string, why: string): CodedError {
  return new CodedError("InvalidSpec", { fields: [field] }, `the OpenPGP key of spec.${field} can't be used: ${why}`);
}

function lastLine({ complaint, failure }: Finished): string {
  return complaint.trim().split("\n").at(-1) || (failure ?? "gpg says nothing");
}

async function gpg(
  home: string,
  args: readonly string[],
  given: { readonly input: string | Uint8Array; readonly secret?: string },
): Promise<Finished> {
  const finished = await runProgram("gpg", ["--homedir", home, ...FIXED, ...OFFLINE, ...args], given);
  if (finished.failure !== "ENOENT") return finished;
  const message = "OpenPGP signatures need the gpg binary (package gnupg), and there is none; SSH keys need nothing";
  throw new CodedError("GnuPgFailed", { why: "ENOENT" }, message);
}

/** A keyring of its own for one question: a short path, since an agent's socket has at most 107 characters. */
async function withKeyring<T>(run: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "hf-gpg-"));
  try {
    // Else a new agent measures for how long it should stretch a passphrase: seconds on a busy machine.
    await writeFile(join(home, "gpg-agent.conf"), "s2k-count 1048576\n");
    return await run(home);
  } finally {
    // An agent that was started for a private key would outlive us; where none was, there is nothing to end.
    await runProgram("gpgconf", ["--homedir", home, "--kill", "all"], { input: "" });
    await rm(home, { recursive: true, force: true });
  }
}
