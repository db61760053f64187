import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The secrets of one control plane, as files in its folder. */
export interface Credentials {
  /** A member of `system:masters`. */
  readonly adminToken: string;
  readonly tokenFile: string;
  /** Signs and verifies service account tokens. */
  readonly serviceAccountKeyFile: string;
}

/** Makes a random admin token and a service account key. EC, for an RSA key would take a tenth of a second. */
export async function writeCredentials(folder: string): Promise<Credentials> {
  const adminToken = randomBytes(24).toString("base64url");
  const tokenFile = join(folder, "tokens.csv");
  const serviceAccountKeyFile = join(folder, "service-account.key");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await writeFile(tokenFile, `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
  await writeFile(serviceAccountKeyFile, privateKey.export({ format: "pem", type: "sec1" }), { mode: 0o600 });
  return { adminToken, tokenFile, serviceAccountKeyFile };
}
