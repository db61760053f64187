import { readFile } from "node:fs/promises";
import { servingCertificate } from "../../tools/testbed/control-plane/api-server.ts";
import type { ControlPlane } from "../../tools/testbed/control-plane/control-plane.ts";
import type { ClusterConnection } from "./test-cluster.ts";

/** What a test needs to know of a control plane, as plain data that can go from process to process. */
export async function describeCluster(controlPlane: ControlPlane): Promise<ClusterConnection> {
  const { certFile, keyFile } = servingCertificate(controlPlane.folder.path);
  const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
  const { server, token, ca, kubeconfigPath } = controlPlane;
  return { server, token, ca, kubeconfigPath, tls: { cert, key } };
}
