import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { sha256 } from "../api/digest.ts";
import { canonicalJson } from "../api/json.ts";
import type { GitSource } from "../api/kinds.generated.ts";
import type { Clock } from "../clock.ts";
import { CodedError } from "../errors.ts";
import type { GitCredentials, GitLocation, GitRemote, SigningKey } from "../git/remote.ts";
import type { GitCredentialsConfig } from "./config.ts";

/** Opens the remote of a source, with the credentials its Secret holds now. */
export type OpenGit = (source: GitSource) => Promise<GitRemote>;

export interface OpenGitOptions {
  readonly cacheDir: string;
  readonly clock: Clock;
  /** Credentials of the repository of `--repo`, from the environment. */
  readonly credentials: GitCredentialsConfig;
  /** Keys of the repository of `--repo`, as files. */
  readonly keyFiles?: KeyFiles;
  /** The name of the source that `--repo` makes. */
  readonly flagged: string | undefined;
  readonly readSecret: (namespace: string, name: string) => Promise<Readonly<Record<string, string>>>;
}

/** What stands in for the Secrets of a source on a command line. */
export interface KeyFiles {
  readonly verify: readonly string[];
  readonly signing: string | undefined;
  readonly passphrase: string | undefined;
}

/** The keys a remote works with. */
interface Keys {
  readonly verifyKeys?: readonly string[];
  readonly signingKey?: SigningKey;
}

/** Builds an opener that keeps each remote, with its clone, as long as neither its address nor its credentials change. */
export function createOpenGit(options: OpenGitOptions): OpenGit {
  const opened = new Map<string, { readonly id: string; readonly remote: Promise<GitRemote> }>();

  return async (source) => {
    const { namespace = "", name } = source.metadata;
    const isFlagged = `${namespace}/${name}` === options.flagged;
    const location = locationOf(source.spec.url, isFlagged);
    const credentials = isFlagged ? fromConfig(options.credentials) : await fromSecret(source, options.readSecret);
    const keys = isFlagged ? await keysOfFiles(options.keyFiles) : await keysOfSecrets(source, options.readSecret);
    const id = sha256(canonicalJson({ location, credentials, keys }));
    const known = opened.get(`${namespace}/${name}`);
    if (known?.id === id) return await known.remote;
    await known?.remote.then((remote) => remote.close());
    const { openRemote } = await import("../git/repo.ts");
    const remote = openRemote({
      location,
      cacheDir: join(options.cacheDir, "git"),
      clock: options.clock,
      ...keys,
      ...(credentials === undefined ? {} : { credentials }),
    });
    opened.set(`${namespace}/${name}`, { id, remote });
    return await remote;
  };
}

/** A path is taken only from the command line: what stands in the cluster or in Git must not read this machine's disk. */
function locationOf(url: string, mayBePath: boolean): GitLocation {
  if (!mayBePath || /^https?:\/\//.test(url)) return { url };
  return { localPath: resolve(url) };
}

/** True for what `--repo` may be: a URL, or a folder that exists. */
export function isRepository(repo: string): boolean {
  return /^https?:\/\//.test(repo) || existsSync(repo);
}

function fromConfig({ username, password, token }: GitCredentialsConfig): GitCredentials | undefined {
  if (token !== undefined) return { type: "token", token, ...(username === undefined ? {} : { username }) };
  if (username !== undefined && password !== undefined) return { type: "password", username, password };
  return undefined;
}

async function fromSecret(
  source: GitSource,
  readSecret: OpenGitOptions["readSecret"],
): Promise<GitCredentials | undefined> {
  const { secretRef } = source.spec;
  if (secretRef === undefined) return undefined;
  const { username, password, token, bearerToken } = await readSecret(source.metadata.namespace ?? "", secretRef.name);
  if (bearerToken !== undefined) return { type: "bearer", token: bearerToken };
  return fromConfig({ username, password, token });
}

async function keysOfSecrets(source: GitSource, readSecret: OpenGitOptions["readSecret"]): Promise<Keys> {
  const { verify, signingKey } = source.spec;
  const namespace = source.metadata.namespace ?? "";
  return {
    ...(verify === undefined ? {} : { verifyKeys: Object.values(await readSecret(namespace, verify.secretRef.name)) }),
    ...(signingKey === undefined
      ? {}
      : {
          signingKey: signingKeyOf(await readSecret(namespace, signingKey.secretRef.name), signingKey.secretRef.name),
        }),
  };
}

/** The names that kubernetes.io/ssh-auth and Flux use for such a key. */
function signingKeyOf(secret: Readonly<Record<string, string>>, name: string): SigningKey {
  const text = secret["ssh-privatekey"] ?? secret["git.asc"];
  if (text === undefined) {
    const message = `Secret ${name} has neither "ssh-privatekey" nor "git.asc": one of them holds the key that signs`;
    throw new CodedError("InvalidSpec", { fields: ["spec.signingKey"] }, message);
  }
  const { passphrase } = secret;
  return { text, ...(passphrase === undefined ? {} : { passphrase }) };
}

async function keysOfFiles(files: KeyFiles | undefined): Promise<Keys> {
  if (files === undefined) return {};
  const { verify, signing, passphrase } = files;
  return {
    ...(verify.length === 0 ? {} : { verifyKeys: await Promise.all(verify.map(readKey)) }),
    ...(signing === undefined
      ? {}
      : { signingKey: { text: await readKey(signing), ...(passphrase === undefined ? {} : { passphrase }) } }),
  };
}

async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new CodedError("Usage", { argument: path }, `the key file ${path} can't be read`, { cause });
  }
}
