/**
 * Stands in for client-node's `gen/index.js` where its KubeConfig imports it: the two names it takes from there, without
 * the thousand generated models, which we never use and which would take 45 MB and most of a second in every process.
 */
import * as configuration from "@kubernetes/client-node/dist/gen/configuration.js";
import * as servers from "@kubernetes/client-node/dist/gen/servers.js";

export const { createConfiguration } = configuration;
export const { ServerConfiguration } = servers;
