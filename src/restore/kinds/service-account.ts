/** Service accounts and their token Secrets: tokens of the old cluster are worthless in the new one. */
import { at, dropKeys, recordAt, recordsAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

/** The annotation of a token Secret that names its account. */
export const SERVICE_ACCOUNT_NAME = "kubernetes.io/service-account.name";
const TOKEN_TYPE = "kubernetes.io/service-account-token";

/** Removes the generated token Secret (`<name>-token-*`) from the list; the cluster adds its own. */
export const prepareServiceAccount: KindHandler = (object) => {
  const secrets = recordsAt(object, "secrets");
  const index = secrets.findLastIndex((secret) => textAt(secret, "name").startsWith(`${object.metadata.name}-token-`));
  if (index >= 0) object.secrets = secrets.toSpliced(index, 1);
  return KEEP;
};

/**
 * Token Secrets: those the cluster generates are left to it; the others lose token, certificate and account uid. As in
 * Velero, the account is looked for where it was: a namespace under a new name has to get its tokens from the backup.
 */
export const prepareSecret: KindHandler = (object, { known, sourceNamespace }) => {
  if (object.type !== TOKEN_TYPE) return KEEP;
  const account = serviceAccountOf(object);
  if (object.metadata.name.startsWith(`${account}-token-`) && known.serviceAccountExists(sourceNamespace, account)) {
    return {
      type: "skip",
      reason: "ServiceAccountToken",
      message: `the cluster makes the token of ServiceAccount ${account} itself`,
    };
  }
  const metadata = recordAt(object, "metadata");
  if (metadata !== undefined) dropKeys(metadata, "annotations", ["kubernetes.io/service-account.uid"]);
  dropKeys(object, "data", ["token", "ca.crt"]);
  return KEEP;
};

/** The account a token Secret is for; "" when it is none. */
export function serviceAccountOf(secret: unknown): string {
  if (at(secret, "type") !== TOKEN_TYPE) return "";
  return textAt(secret, "metadata", "annotations", SERVICE_ACCOUNT_NAME);
}
