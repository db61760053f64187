import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { type BareClient, createBareClient } from "./bare-client.ts";
import type { Job } from "./job.ts";
import { listable } from "./roles/bare-lists.ts";

/** What a restore takes out of an object before it POSTs it (design §4, content digest). */
const STRIPPED = ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"];
const LABELS = { "velero.io/backup-name": "restore", "velero.io/restore-name": "bench-20260101000000" };
/** What every cluster has from its start: a POST of it is refused, and a restore finds it there. */
const BUILT_IN = /^(system:|kube-|default$|kubernetes$|admin$|edit$|view$|cluster-admin$)/;
/** What is derived from other objects by the server, or never restored. */
const NOT_RESTORED =
  /\/(events|nodes|leases|apiservices|flowschemas|prioritylevelconfigurations|endpoints|endpointslices|ipaddresses|servicecidrs|priorityclasses)$/;

interface Listed {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly continue?: string };
  readonly items: Record<string, unknown>[] | null;
}

/** Writes what a restore POSTs, one `path<TAB>body` a line, from what stands in the cluster. */
export async function writeBodies(connection: Job["connection"], file: string): Promise<void> {
  const client = createBareClient(connection);
  const output = createWriteStream(file);
  for (const { path } of await listable((at) => client.send("GET", at))) {
    if (NOT_RESTORED.test(path)) continue;
    for await (const list of pages(client, path)) {
      const lines = (list.items ?? []).map((item) => bodyLine(path, list, item)).join("");
      if (!output.write(lines)) await once(output, "drain");
    }
  }
  output.end();
  await once(output, "finish");
  client.close();
}

async function* pages(client: BareClient, path: string): AsyncGenerator<Listed> {
  for (let token = ""; ; ) {
    const answer = await client.send("GET", `${path}?limit=500${token === "" ? "" : `&continue=${token}`}`);
    const list = JSON.parse(Buffer.concat(answer).toString()) as Listed;
    yield list;
    token = list.metadata.continue ?? "";
    if (token === "") return;
  }
}

/** "" for what a restore leaves alone. */
function bodyLine(path: string, list: Listed, item: Record<string, unknown>): string {
  const { status: _status, metadata, ...rest } = item;
  const kept = { ...(metadata as Record<string, unknown>) };
  const name = String(kept.name);
  const namespace = kept.namespace === undefined ? "" : String(kept.namespace);
  if (BUILT_IN.test(name) || BUILT_IN.test(namespace)) return "";
  for (const field of STRIPPED) delete kept[field];
  const isNamespace = path.endsWith("/namespaces");
  if (!isNamespace) kept.labels = { ...(kept.labels as object | undefined), ...LABELS };
  const body = { apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, ""), ...rest, metadata: kept };
  return `${postPath(path, namespace)}\t${JSON.stringify(body)}\n`;
}

function postPath(path: string, namespace: string): string {
  if (namespace === "") return path;
  const cut = path.lastIndexOf("/");
  return `${path.slice(0, cut)}/namespaces/${namespace}${path.slice(cut)}`;
}
