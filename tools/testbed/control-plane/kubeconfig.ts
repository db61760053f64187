import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";
import type { ApiConnection } from "./api-call.ts";

/** Writes a kubeconfig of one context, named `name`, readable by its owner only. Any client and `kubectl` read it. */
export async function writeKubeconfig(path: string, connection: ApiConnection, name = "testbed"): Promise<void> {
  const secure = connection.server.startsWith("https:");
  const authority = secure ? { "certificate-authority-data": Buffer.from(connection.ca).toString("base64") } : {};
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [{ name, cluster: { server: connection.server, ...authority } }],
    users: [{ name, user: { token: connection.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  await writeFile(path, stringify(kubeconfig, { lineWidth: 0 }), { mode: 0o600 });
}
