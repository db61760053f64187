import { registerHooks } from "node:module";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";

/** The part of a URL that client-node's own module with the KubeConfig ends with. */
const CONFIG_MODULE = "/@kubernetes/client-node/dist/config.js";
const STAND_IN = new URL(
  import.meta.url.endsWith(".ts") ? "./client-node-gen.ts" : "./client-node-gen.js",
  import.meta.url,
);

let loading: Promise<typeof KubeConfig> | undefined;

/**
 * client-node's KubeConfig, which does all authentication, loaded without its generated models. Should a later version
 * be laid out otherwise, the redirect meets nothing and the models are loaded: right, only heavier.
 */
export function importKubeConfig(): Promise<typeof KubeConfig> {
  loading ??= importWithoutModels();
  return loading;
}

async function importWithoutModels(): Promise<typeof KubeConfig> {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const isModels = specifier === "./gen/index.js" && context.parentURL?.endsWith(CONFIG_MODULE) === true;
      return nextResolve(isModels ? STAND_IN.href : specifier, context);
    },
  });
  try {
    return (await import("@kubernetes/client-node/dist/config.js")).KubeConfig;
  } finally {
    hooks.deregister();
  }
}
