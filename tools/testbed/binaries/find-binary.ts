/**
 * Finds the test servers' binaries: named by the environment, else in the cache, else built once from the pinned Go
 * modules in `tools/testbed/go`.
 */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { TestbedError } from "../errors.ts";
import { type Report, reportOnStderr } from "../progress.ts";
import { ensureBuilt } from "./build-component.ts";
import { cacheFolder } from "./cache-folder.ts";
import { describeBuild } from "./component-version.ts";
import { type Component, componentOf } from "./components.ts";

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly report?: Report;
  readonly components?: readonly Component[];
}

/** Environment variables that name one binary. */
const OWN_VARIABLE: Readonly<Record<string, string>> = {
  "argocd-application-controller": "HOLDFAST_TESTBED_ARGOCD_CONTROLLER",
  "argocd-applicationset-controller": "HOLDFAST_TESTBED_ARGOCD_APPLICATIONSETS",
  "argocd-repo-server": "HOLDFAST_TESTBED_ARGOCD_REPO_SERVER",
  etcd: "TEST_ASSET_ETCD",
  "kube-apiserver": "TEST_ASSET_KUBE_APISERVER",
  "kube-apiserver-newer": "HOLDFAST_TESTBED_NEWER_APISERVER",
  kubeconform: "HOLDFAST_TESTBED_KUBECONFORM",
  kubectl: "TEST_ASSET_KUBECTL",
  gitea: "HOLDFAST_TESTBED_GITEA",
  kwok: "HOLDFAST_TESTBED_KWOK",
  versitygw: "HOLDFAST_TESTBED_VERSITYGW",
};

/**
 * The path of a server's binary, building it if need be (minutes, with progress).
 * @throws {BinaryMissing} when the variable for this binary names nothing that can be executed
 * @throws {GoMissing|GoTooOld|BuildFailed} when it must be built and can't be
 */
export async function findBinary(command: string, options: FindOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const named = await namedBinary(command, env);
  if (named !== undefined) return named;
  const component = componentOf(command, options.components);
  const target = { cache: cacheFolder(env), report: options.report ?? reportOnStderr };
  return join(await ensureBuilt(component, await describeBuild(component), target), command);
}

async function namedBinary(command: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const variable = OWN_VARIABLE[command];
  const own = variable === undefined ? undefined : env[variable];
  if (own !== undefined && own !== "") {
    if (await isExecutable(own)) return own;
    throw new TestbedError("BinaryMissing", `${variable} is set to ${own}, which is not an executable file`);
  }
  // The published envtest archives have no controller manager: what the folder lacks is looked for further on.
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets === undefined || assets === "") return undefined;
  const path = join(assets, command);
  return (await isExecutable(path)) ? path : undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
