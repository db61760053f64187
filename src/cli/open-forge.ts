import type { GitSource } from "../api/kinds.generated.ts";
import { CodedError } from "../errors.ts";
import { forgeOf } from "../forge/address.ts";
import { type Forge, openForge } from "../forge/forge.ts";

/** Opens the forge of a source, with the token its Secret holds now. */
export type OpenForge = (source: GitSource) => Promise<Forge>;

export interface OpenForgeOptions {
  /** The token of the repository of `--repo`. */
  readonly token: string | undefined;
  /** The name of the source that `--repo` makes. */
  readonly flagged: string | undefined;
  readonly readSecret: (namespace: string, name: string) => Promise<Readonly<Record<string, string>>>;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** Builds an opener. A forge holds nothing: a new token is used with the next look. */
export function createOpenForge(options: OpenForgeOptions): OpenForge {
  return async (source) => {
    const { forge, url } = source.spec;
    if (forge === undefined)
      throw new CodedError("InvalidSpec", { fields: ["spec.forge"] }, "the source names no forge");
    const token = await tokenOf(source, options);
    return await openForge({ ...forgeOf(url, forge), token, signal: options.signal });
  };
}

/** Its own token, else what Git is read with: forges take the same token for both. */
async function tokenOf(source: GitSource, options: OpenForgeOptions): Promise<string | undefined> {
  const { namespace = "", name } = source.metadata;
  if (`${namespace}/${name}` === options.flagged) return options.token;
  const secretRef = source.spec.forge?.tokenSecretRef ?? source.spec.secretRef;
  if (secretRef === undefined) return undefined;
  const { token, password } = await options.readSecret(namespace, secretRef.name);
  if (token !== undefined || password !== undefined) return token ?? password;
  throw new CodedError("InvalidSpec", { fields: ["spec.forge"] }, `Secret ${namespace}/${secretRef.name} has no token`);
}
