import type { UpState } from "./state.ts";
import { upLog } from "./state.ts";

/** How to reach a running testbed: aligned lines for a person, each value on its own for a script. Pure. */
export function describeUp(state: UpState): string {
  const rows: [string, string][] = [
    ["API server", state.server],
    ["kubeconfig", state.kubeconfigPath],
    ["kubectl", state.kubectl],
  ];
  if (state.parts.kwok === true) rows.push(["node", "n1 (simulated: pods run, exec runs on this machine)"]);
  if (state.s3 !== undefined) {
    rows.push(["S3 endpoint", state.s3.endpoint], ["S3 bucket", `${state.s3.bucket} (region ${state.s3.region})`]);
    rows.push(["S3 access key", state.s3.accessKeyId], ["S3 secret key", state.s3.secretAccessKey]);
  }
  if (state.gitUrl !== undefined) rows.push(["Git repository", `${state.gitUrl} (empty; anyone may push)`]);
  rows.push(["supervisor", `pid ${state.pid}, log ${upLog()}`]);
  const lines = rows.map(([name, value]) => `  ${name.padEnd(15)} ${value}`);
  return [...lines, "", `Try: export KUBECONFIG=${state.kubeconfigPath}; ${state.kubectl} get namespaces`].join("\n");
}
