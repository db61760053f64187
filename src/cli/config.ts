/**
 * The only reader of the environment: everything the product takes from it, as one frozen, typed value.
 */

/** Settings of one process. Secrets are read once and never logged. */
export interface Config {
  /** `HOLDFAST_LOG_LEVEL`: trace to fatal; `info` unless told. */
  readonly logLevel: string;
  /** `HOLDFAST_CLUSTER`: stands in for `--cluster`. */
  readonly cluster: string | undefined;
  /** `HOLDFAST_NAMESPACE`: stands in for `--namespace`; else `POD_NAMESPACE`, which the Deployment sets. */
  readonly namespace: string | undefined;
  /** `KUBECONFIG`, as kubectl reads it. */
  readonly kubeconfig: string | undefined;
  /** Where disposable clones live: `HOLDFAST_CACHE_DIR`, else below `XDG_CACHE_HOME`, `~/.cache` or the system's temporary folder. */
  readonly cacheDir: string;
  /** `HOLDFAST_GIT_USERNAME`, `_PASSWORD`, `_TOKEN`: credentials of the repository of `--repo`. */
  readonly git: GitCredentialsConfig;
  /** `HOLDFAST_SIGNING_KEY` (a file) stands in for `--signing-key`; `HOLDFAST_SIGNING_PASSPHRASE` opens it. */
  readonly signing: { readonly keyFile: string | undefined; readonly passphrase: string | undefined };
  /** `HOLDFAST_FORGE_TOKEN`: of the forge of `--repo`; else the Git token, or password. */
  readonly forgeToken: string | undefined;
  /** `HOLDFAST_WEBHOOK_SECRET`: what webhooks of `--repo` are signed with. */
  readonly webhookSecret: string | undefined;
  /** `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`: what `bootstrap` makes a Secret of. */
  readonly aws: {
    readonly accessKeyId: string | undefined;
    readonly secretAccessKey: string | undefined;
    readonly sessionToken: string | undefined;
  };
  /** `HOLDFAST_FAULT_AT`: the name of a step at which this process kills itself (tests only, see `failpoints.ts`). */
  readonly faultAt: string | undefined;
  /** False when `NO_COLOR` is set to anything, or the terminal is dumb. */
  readonly colours: boolean;
  /** `HOLDFAST_FORCE_COLOR=1` colours output that is no terminal. */
  readonly forceColours: boolean;
}

export interface GitCredentialsConfig {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
}

/** Reads the environment into a frozen value. Empty variables count as unset. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const read = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  return Object.freeze({
    logLevel: read("HOLDFAST_LOG_LEVEL") ?? "info",
    cluster: read("HOLDFAST_CLUSTER"),
    namespace: read("HOLDFAST_NAMESPACE") ?? read("POD_NAMESPACE"),
    kubeconfig: read("KUBECONFIG"),
    cacheDir: read("HOLDFAST_CACHE_DIR") ?? defaultCacheDir(read("XDG_CACHE_HOME"), read("HOME")),
    git: Object.freeze({
      username: read("HOLDFAST_GIT_USERNAME"),
      password: read("HOLDFAST_GIT_PASSWORD"),
      token: read("HOLDFAST_GIT_TOKEN"),
    }),
    signing: Object.freeze({
      keyFile: read("HOLDFAST_SIGNING_KEY"),
      passphrase: read("HOLDFAST_SIGNING_PASSPHRASE"),
    }),
    forgeToken: read("HOLDFAST_FORGE_TOKEN") ?? read("HOLDFAST_GIT_TOKEN") ?? read("HOLDFAST_GIT_PASSWORD"),
    webhookSecret: read("HOLDFAST_WEBHOOK_SECRET"),
    aws: Object.freeze({
      accessKeyId: read("AWS_ACCESS_KEY_ID"),
      secretAccessKey: read("AWS_SECRET_ACCESS_KEY"),
      sessionToken: read("AWS_SESSION_TOKEN"),
    }),
    faultAt: read("HOLDFAST_FAULT_AT"),
    colours: read("NO_COLOR") === undefined && read("TERM") !== "dumb",
    forceColours: read("HOLDFAST_FORCE_COLOR") === "1",
  });
}

function defaultCacheDir(xdg: string | undefined, home: string | undefined): string {
  if (xdg !== undefined) return `${xdg}/holdfast`;
  return home === undefined ? "/tmp/holdfast-cache" : `${home}/.cache/holdfast`;
}
