import { join } from "node:path";
import type { GuardedFolder } from "../process/guarded-folder.ts";
import { type GuardedProcess, startGuarded } from "../process/guarded-process.ts";

export interface ControllerManagerOptions {
  readonly binary: string;
  readonly folder: GuardedFolder;
  readonly kubeconfigPath: string;
  readonly serviceAccountKeyFile: string;
  readonly args: readonly string[];
}

/**
 * Starts the controllers that end namespaces, collect garbage, bind volumes, and run workloads. They have no address;
 * they work a moment after this resolves.
 */
export async function startControllerManager(options: ControllerManagerOptions): Promise<GuardedProcess> {
  return await startGuarded({
    command: options.binary,
    args: [
      `--kubeconfig=${options.kubeconfigPath}`,
      `--service-account-private-key-file=${options.serviceAccountKeyFile}`,
      "--leader-elect=false",
      "--secure-port=0",
      "--controllers=*,-nodeipam,-cloud-node-lifecycle",
      "--enable-hostpath-provisioner=true",
      // The defaults (20 a second) are for a cluster that shares its API server; here they would slow every test.
      "--kube-api-qps=300",
      "--kube-api-burst=600",
      ...options.args,
    ],
    folder: options.folder,
    logFile: join(options.folder.path, "kube-controller-manager.log"),
  });
}
