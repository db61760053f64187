import { readFileSync } from "node:fs";
import { delimiter, dirname, resolve } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { parse } from "yaml";
import { CodedError, messageOf } from "../errors.ts";
import { importKubeConfig } from "./client-node.ts";

/** Which cluster to talk to and as whom. */
export interface KubeConfigSource {
  /** One file, or several joined as in `KUBECONFIG`. Absent: what kubectl would take, then the pod's own account. */
  readonly kubeconfigPath?: string | undefined;
  readonly context?: string | undefined;
  /** Only the pod's own service account. */
  readonly inCluster?: boolean | undefined;
  /** Acts as this user, such as `system:serviceaccount:team-a:deployer`. */
  readonly impersonate?: string | undefined;
}

/**
 * What reads the kubeconfig from disk, whole and anew: after a 401 this is how a rotated certificate or a token that an
 * exec plugin holds for too long gets noticed.
 * @throws {KubeConfigInvalid} (the returned function) when there is none, it does not parse, or it lacks the context
 */
export async function kubeConfigReader(source: KubeConfigSource): Promise<() => KubeConfig> {
  const Config = await importKubeConfig();
  return () => readKubeConfig(Config, source);
}

type KubeConfigClass = typeof KubeConfig;

function readKubeConfig(Config: KubeConfigClass, source: KubeConfigSource): KubeConfig {
  const where = source.inCluster === true ? "in-cluster" : (source.kubeconfigPath ?? "default kubeconfig");
  const config = new Config();
  try {
    readInto(Config, config, source);
  } catch (error) {
    throw new CodedError(
      "KubeConfigInvalid",
      { path: where },
      `cannot read the kubeconfig (${where}): ${firstLine(messageOf(error))}`,
      {
        cause: error,
      },
    );
  }
  if (source.context !== undefined) config.setCurrentContext(source.context);
  const cluster = config.getCurrentCluster();
  if (cluster === null || isPlaceholder(cluster.server)) {
    const wanted = config.getCurrentContext() as string | undefined;
    const hint =
      config.getContexts().length === 0 || cluster !== null
        ? "it names no cluster; set --kubeconfig or KUBECONFIG"
        : `it has no usable context "${wanted ?? ""}"; it has ${config
            .getContexts()
            .map((context) => context.name)
            .join(", ")}`;
    throw new CodedError("KubeConfigInvalid", { path: where }, `kubeconfig (${where}): ${hint}`);
  }
  for (const user of config.getUsers()) tellExecPlugin(user);
  const { impersonate } = source;
  if (impersonate !== undefined) {
    config.users = config.getUsers().map((user) => ({ ...user, impersonateUser: impersonate }));
  }
  return config;
}

function readInto(Config: KubeConfigClass, config: KubeConfig, source: KubeConfigSource): void {
  if (source.inCluster === true) config.loadFromCluster();
  else if (source.kubeconfigPath === undefined) config.loadFromDefault();
  else readFiles(Config, config, source.kubeconfigPath.split(delimiter));
}

function readFiles(Config: KubeConfigClass, config: KubeConfig, paths: readonly string[]): void {
  const files = paths.filter((file) => file !== "");
  for (const [position, file] of files.entries()) {
    const part = new Config();
    part.loadFromFile(resolve(file));
    followTokenFiles(part, file);
    if (position === 0) config.loadFromOptions(part);
    else config.mergeConfig(part, true);
  }
}

/** What `loadFromDefault` answers where it finds nothing: an address nobody chose. */
function isPlaceholder(server: string): boolean {
  return server === "http://localhost:8080";
}

/**
 * client-node drops `tokenFile` of a user. Such a file is rotated while we run, so it becomes the same file provider that
 * the in-cluster account has, which reads it again every minute.
 */
function followTokenFiles(config: KubeConfig, file: string): void {
  const text = readFileSync(file, "utf8");
  if (!text.includes("tokenFile")) return;
  const written = parse(text) as { users?: { name: string; user?: { tokenFile?: string } }[] };
  const names = new Map(written.users?.map((entry) => [entry.name, entry.user?.tokenFile]));
  config.users = config.users.map((known) => {
    const tokenFile = names.get(known.name);
    if (tokenFile === undefined || known.token) return known;
    return { ...known, authProvider: { name: "tokenFile", config: { tokenFile: resolve(dirname(file), tokenFile) } } };
  });
}

/** Exec plugins are promised KUBERNETES_EXEC_INFO by kubectl; client-node doesn't set it. */
function tellExecPlugin(user: User): void {
  const exec: unknown = user.exec;
  if (typeof exec !== "object" || exec === null) return;
  const plugin = exec as { apiVersion?: string; env?: { name: string; value: string }[] | null };
  const asked = {
    apiVersion: plugin.apiVersion ?? "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    spec: { interactive: false },
  };
  plugin.env = [...(plugin.env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(asked) }];
}

/** A YAML error goes on with an excerpt, which may hold a token. */
function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
