import { createBareClient } from "./bare-client.ts";
import type { Job } from "./job.ts";

/** What the API server itself counted, its own upkeep included; `throttled` are its answers of 429 to any verb. */
export interface ServerCounts {
  readonly lists: number;
  readonly gets: number;
  readonly others: number;
  readonly throttled: number;
}

const SAMPLE = /^apiserver_request_total\{([^}]*)\} (\S+)$/;

/** The counters of the API server as they stand (`apiserver_request_total`); watches are left out. */
export async function serverCounts(connection: Job["connection"]): Promise<ServerCounts> {
  const client = createBareClient(connection);
  const text = Buffer.concat(await client.send("GET", "/metrics")).toString();
  client.close();
  const counts = { lists: 0, gets: 0, others: 0, throttled: 0 };
  for (const line of text.split("\n")) {
    const [, labels = "", value = ""] = SAMPLE.exec(line) ?? [];
    const verb = /verb="([^"]*)"/.exec(labels)?.[1];
    if (verb === undefined || verb === "WATCH") continue;
    counts[verb === "LIST" ? "lists" : verb === "GET" ? "gets" : "others"] += Number(value);
    if (labels.includes('code="429"')) counts.throttled += Number(value);
  }
  return counts;
}

/** What came in between two readings. */
export function countsBetween(before: ServerCounts, after: ServerCounts): ServerCounts {
  return {
    lists: after.lists - before.lists,
    gets: after.gets - before.gets,
    others: after.others - before.others,
    throttled: after.throttled - before.throttled,
  };
}
