import { registerHooks } from "node:module";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";

/** The part of a URL that client-node's own modules have in common. */
const CLIENT_NODE = "/@kubernetes/client-node/dist/";
/** What stands in for what they import. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ["./gen/index.js", standIn("client-node-gen")], // of config.js, which has the KubeConfig
  ["undici", standIn("client-node-undici")],
]);

let loading: Promise<typeof KubeConfig> | undefined;

/**
 * client-node's KubeConfig, which does all authentication, loaded without its generated models and its HTTP client.
 * Should a later version be laid out otherwise, the redirects meet nothing and all is loaded: right, only heavier.
 */
export function importKubeConfig(): Promise<typeof KubeConfig> {
  loading ??= importAlone();
  return loading;
}

async function importAlone(): Promise<typeof KubeConfig> {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      const isTheirs = context.parentURL?.includes(CLIENT_NODE) === true;
      return nextResolve((isTheirs ? STAND_INS.get(specifier) : undefined) ?? specifier, context);
    },
  });
  try {
    return (await import("@kubernetes/client-node/dist/config.js")).KubeConfig;
  } finally {
    hooks.deregister();
  }
}

function standIn(name: string): string {
  return new URL(`./${name}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href;
}
