import { TestbedError } from "../errors.ts";

/** One call of Gitea's API, from outside the product. */
export interface GiteaCall {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Below `/api/v1`. */
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly basic?: { readonly username: string; readonly password: string };
}

/** Makes the call and resolves to its JSON; undefined where there is none. @throws {RequestFailed} */
export async function callGitea(url: string, call: GiteaCall): Promise<unknown> {
  const authorization =
    call.basic === undefined
      ? `token ${call.token ?? ""}`
      : `Basic ${Buffer.from(`${call.basic.username}:${call.basic.password}`).toString("base64")}`;
  const response = await fetch(`${url}/api/v1${call.path}`, {
    method: call.method,
    headers: { authorization, "content-type": "application/json" },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  if (!response.ok)
    throw new TestbedError("RequestFailed", `${call.method} ${call.path}: HTTP ${response.status}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}
