/**
 * Stands in for client-node's `gen/index.js` where its KubeConfig imports it: the two names it takes from there, without
 * the thousand generated models, which we never use and which would take 45 MB and most of a second in every process.
 */
export { createConfiguration } from "@kubernetes/client-node/dist/gen/configuration.js";
export { ServerConfiguration } from "@kubernetes/client-node/dist/gen/servers.js";
