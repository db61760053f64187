import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GuardedFolder } from "../process/guarded-folder.ts";
import type { GuardedProcess } from "../process/guarded-process.ts";
import { startServer } from "../process/server-process.ts";
import { callApi } from "./api-call.ts";
import type { Credentials } from "./credentials.ts";

export interface ApiServerOptions {
  readonly binary: string;
  readonly folder: GuardedFolder;
  readonly port: number;
  readonly etcdPort: number;
  readonly credentials: Credentials;
  /** Without a controller manager no namespace has a service account, and admission must not ask for one. */
  readonly serviceAccounts: boolean;
  /** More flags; a later flag wins over an earlier one. */
  readonly args: readonly string[];
}

/** Where the API server writes the certificate it signs itself, and its key. */
export function servingCertificate(folder: string): { certFile: string; keyFile: string } {
  const certificates = join(folder, "certificates");
  return { certFile: join(certificates, "apiserver.crt"), keyFile: join(certificates, "apiserver.key") };
}

/** Starts an API server with RBAC on 127.0.0.1 and waits for `/readyz`, and for the namespace `default`, which comes after it. */
export async function startApiServer(options: ApiServerOptions): Promise<GuardedProcess> {
  const { folder, credentials } = options;
  const server = `https://127.0.0.1:${options.port}`;
  const { certFile } = servingCertificate(folder.path);
  return await startServer({
    name: "kube-apiserver",
    command: options.binary,
    args: [
      `--etcd-servers=http://127.0.0.1:${options.etcdPort}`,
      `--cert-dir=${join(folder.path, "certificates")}`,
      `--secure-port=${options.port}`,
      "--bind-address=127.0.0.1",
      // Else it looks for an address of the machine to publish, and fails where there is only loopback.
      "--advertise-address=127.0.0.1",
      `--service-account-issuer=${server}`,
      `--service-account-key-file=${credentials.serviceAccountKeyFile}`,
      `--service-account-signing-key-file=${credentials.serviceAccountKeyFile}`,
      `--token-auth-file=${credentials.tokenFile}`,
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--allow-privileged=true",
      "--profiling=false",
      ...(options.serviceAccounts ? [] : ["--disable-admission-plugins=ServiceAccount"]),
      ...options.args,
    ],
    folder,
    ready: async () => {
      const connection = { server, ca: await readFile(certFile, "utf8"), token: credentials.adminToken };
      const isThere = async (path: string) => (await callApi(connection, "GET", path)).status === 200;
      return (await isThere("/readyz")) && (await isThere("/api/v1/namespaces/default"));
    },
  });
}
