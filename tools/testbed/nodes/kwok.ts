import { request } from "node:https";
import { join } from "node:path";
import { findBinary } from "../binaries/find-binary.ts";
import { servingCertificate } from "../control-plane/api-server.ts";
import type { ControlPlane } from "../control-plane/control-plane.ts";
import { withFreePorts } from "../process/free-port.ts";
import type { GuardedProcess } from "../process/guarded-process.ts";
import { startServer } from "../process/server-process.ts";

const CONFIG = join(import.meta.dirname, "kwok.yaml");

/** Starts the simulator of every node of a control plane. Its kubelet side shows the API server's own certificate. */
export async function startKwok(controlPlane: ControlPlane): Promise<GuardedProcess> {
  const binary = await findBinary("kwok");
  const { certFile, keyFile } = servingCertificate(controlPlane.folder.path);
  return await withFreePorts(1, async ([port = 0]) =>
    startServer({
      name: "kwok",
      command: binary,
      args: [
        `--kubeconfig=${controlPlane.kubeconfigPath}`,
        `--config=${CONFIG}`,
        "--manage-all-nodes",
        "--node-ip=127.0.0.1",
        `--node-port=${port}`,
        `--server-address=127.0.0.1:${port}`,
        `--tls-cert-file=${certFile}`,
        `--tls-private-key-file=${keyFile}`,
        "--node-lease-duration-seconds=40",
      ],
      folder: controlPlane.folder,
      ready: () => isHealthy(port, controlPlane.ca),
    }),
  );
}

async function isHealthy(port: number, ca: string): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  request({ host: "127.0.0.1", port, path: "/healthz", ca }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  })
    .on("error", reject)
    .end();
  return await promise;
}
