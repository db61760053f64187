/** What a forge answers, in our words. */
import { CodedError, isCoded } from "../errors.ts";

/** What a forge answered instead of doing what it was asked, in our words. */
export function forgeError(
  what: string,
  answer: { readonly host: string; readonly status: number; readonly message: string },
  cause: unknown,
): CodedError {
  const { host, status } = answer;
  const said = answer.message.replace(/\s+/g, " ").slice(0, 300);
  const options = { cause };
  if (status === 401)
    return new CodedError("ForgeAuth", { host, status }, `${host} does not accept the token: ${said}`, options);
  if (status === 403)
    return new CodedError("ForgeAuth", { host, status }, `${host} does not let the token ${what}: ${said}`, options);
  if (status === 404)
    return new CodedError(
      "ForgeNotFound",
      { host, what },
      `${host} has nothing to ${what}, or hides it from the token: ${said}`,
      options,
    );
  if (status === 429 || status >= 500)
    return new CodedError("ForgeUnreachable", { host }, `${host} could not ${what} (HTTP ${status}): ${said}`, options);
  return new CodedError(
    "ForgeRejected",
    { host, status },
    `${host} refused to ${what} (HTTP ${status}): ${said}`,
    options,
  );
}

/** Undefined where there is nothing of the kind. */
export async function orAbsent<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isCoded(error, "ForgeNotFound")) return undefined;
    throw error;
  }
}

/** Undefined where the token may not know. */
export async function orUntold<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isCoded(error, "ForgeNotFound") || (isCoded(error, "ForgeAuth") && error.data.status === 403)) return undefined;
    throw error;
  }
}

/** False where the comment is gone or another's. */
export async function wasEdited(edit: () => Promise<unknown>): Promise<boolean> {
  const edited = await orUntold(async () => {
    await edit();
    return true;
  });
  return edited === true;
}

/** A path in a URL: its slashes stay. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
