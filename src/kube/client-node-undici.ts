/**
 * Stands in for undici where client-node's KubeConfig and what it loads import it: three names for requests of its own,
 * which we never let it send. The whole of undici would take a tenth of a second in every process.
 */
function sendsNothing(): never {
  throw new Error("client-node sends no requests here: src/kube/transport.ts does");
}

export { sendsNothing as Agent, sendsNothing as fetch, sendsNothing as ProxyAgent };
