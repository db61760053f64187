/** Finds text in the objects of a backup. */
import { parseJson, stringifyJson } from "../api/json.ts";
import { formatPointer } from "../api/patch.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { IndexRow } from "../storage/index-row.ts";
import { type CompareFilter, rowsIn } from "./compare.ts";

/** One value, or key, that matches. */
export interface SearchHit {
  readonly row: IndexRow;
  /** RFC 6901 pointer of the value, or of the key's own value. */
  readonly path: string;
  /** As text; of a key that holds a map or a list, its JSON. */
  readonly value: string;
  /** Where in the value the match begins; 0 where only the key matches. */
  readonly at: number;
}

/** Where in a text the match begins; -1 where there is none. */
export type FindText = (text: string) => number;

/**
 * Every key and value of every object in which `find` finds something; bookkeeping of the API server (`managedFields`) is left out, and
 * Secrets are, unless `secrets` says otherwise: their values then come decoded.
 */
export async function* searchBackup(
  reader: BackupReader,
  find: FindText,
  options: CompareFilter & { readonly secrets?: boolean } = {},
): AsyncGenerator<SearchHit> {
  for (const resource of await reader.resources()) {
    if (options.resource !== undefined && options.resource !== resource) continue;
    if (resource === "secrets" && options.secrets !== true) continue;
    for await (const { row, body } of reader.readMany(rowsIn(reader, resource, options))) {
      yield* hitsIn(row, body, find);
    }
  }
}

function* hitsIn(row: IndexRow, body: Uint8Array, find: FindText): Generator<SearchHit> {
  for (const { path, key, value } of nodes(parseJson(body))) {
    const isLeaf = typeof value !== "object" || value === null;
    const text = isLeaf ? leafText(row, path, value) : undefined;
    const at = text === undefined ? -1 : find(text);
    if (at < 0 && (key === undefined || find(key) < 0)) continue;
    yield { row, path: formatPointer(path), value: text ?? stringifyJson(value), at: Math.max(0, at) };
  }
}

function leafText({ resource }: IndexRow, path: readonly string[], value: unknown): string {
  const isEncoded = resource === "secrets" && path[0] === "data";
  return isEncoded ? Buffer.from(String(value), "base64").toString() : String(value);
}

/** A value with its key, which the members of a list have not. */
interface Node {
  readonly path: readonly string[];
  readonly key: string | undefined;
  readonly value: unknown;
}

function* nodes(value: unknown, path: readonly string[] = []): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (path.length === 1 && path[0] === "metadata" && name === "managedFields") continue;
    const at = [...path, name];
    yield { path: at, key: Array.isArray(value) ? undefined : name, value: inner };
    yield* nodes(inner, at);
  }
}
