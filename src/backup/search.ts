/** Finds text in the objects of a backup. */
import { parseJson } from "../api/json.ts";
import { formatPointer } from "../api/patch.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { IndexRow } from "../storage/index-row.ts";
import type { CompareFilter } from "./compare.ts";

/** One value, or key, that matches. */
export interface SearchHit {
  readonly row: IndexRow;
  /** RFC 6901 pointer of the value, or of the key's own value. */
  readonly path: string;
  readonly value: string;
}

/**
 * Every key and value of every object that `matches`; bookkeeping of the API server (`managedFields`) is left out, and
 * Secrets are, unless `secrets` says otherwise: their values then come decoded.
 */
export async function* searchBackup(
  reader: BackupReader,
  matches: (text: string) => boolean,
  options: CompareFilter & { readonly secrets?: boolean } = {},
): AsyncGenerator<SearchHit> {
  for (const resource of await reader.resources()) {
    if (options.resource !== undefined && options.resource !== resource) continue;
    if (resource === "secrets" && options.secrets !== true) continue;
    for await (const { row, body } of reader.readMany(wanted(reader.rows(resource), options.namespace))) {
      yield* hitsIn(row, body, matches);
    }
  }
}

function* hitsIn(row: IndexRow, body: Uint8Array, matches: (text: string) => boolean): Generator<SearchHit> {
  for (const { path, value } of leaves(parseJson(body), [])) {
    const isEncoded = row.resource === "secrets" && path[0] === "data";
    const text = isEncoded ? Buffer.from(value, "base64").toString() : value;
    if (matches(text) || matches(path.at(-1) ?? "")) yield { row, path: formatPointer(path), value: text };
  }
}

async function* wanted(rows: AsyncIterable<IndexRow>, namespace: string | undefined): AsyncGenerator<IndexRow> {
  for await (const row of rows) if (namespace === undefined || row.namespace === namespace) yield row;
}

function* leaves(value: unknown, path: readonly string[]): Generator<{ path: readonly string[]; value: string }> {
  if (path.at(-1) === "managedFields") return;
  if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) yield* leaves(inner, [...path, key]);
  } else yield { path, value: String(value) };
}
