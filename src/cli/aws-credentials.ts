import type { S3AccessKey } from "../storage/s3-options.ts";

/** Reads the `default` profile (or the only one) of an AWS credentials file; undefined when it has no keys. */
export function parseAwsCredentials(text: string): S3AccessKey | undefined {
  const profiles = new Map<string, Map<string, string>>();
  let profile = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) {
      profile = new Map();
      profiles.set(section, profile);
      continue;
    }
    const [, name, value] = /^\s*([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) profile.set(name.toLowerCase(), value);
  }
  const chosen = profiles.get("default") ?? (profiles.size === 1 ? [...profiles.values()][0] : undefined);
  const accessKeyId = chosen?.get("aws_access_key_id");
  const secretAccessKey = chosen?.get("aws_secret_access_key");
  const sessionToken = chosen?.get("aws_session_token");
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
