/** Objects as they were before a run, out of its safety backup. */
import { parseJson } from "../api/json.ts";
import { formatKey, type KubeObject, type ObjectKey } from "../api/object.ts";
import { isCoded, isDamage, messageOf } from "../errors.ts";
import { withoutPause } from "../gitops/pause-change.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import type { IndexRow } from "../storage/index-row.ts";

/** One copy, whole, or why it can't be read. */
export type SafetyCopy =
  | { readonly type: "whole"; readonly object: KubeObject }
  | { readonly type: "unreadable"; readonly why: string };

/** The copies of these objects by place; what the backup does not hold is left out. */
export async function safetyCopies(
  safety: BackupReader,
  resource: string,
  keys: readonly ObjectKey[],
): Promise<ReadonlyMap<string, SafetyCopy>> {
  const rows: IndexRow[] = [];
  for (const key of keys) {
    const row = await safety.row(resource, key);
    if (row !== undefined) rows.push(row);
  }
  const copies = new Map<string, SafetyCopy>();
  try {
    for await (const { row, body } of safety.readMany(rows)) copies.set(formatKey(row), whole(body));
  } catch (error) {
    if (!isLost(error)) throw error;
    // What is damaged takes nothing else along.
    for (const row of rows) if (!copies.has(formatKey(row))) copies.set(formatKey(row), await readAlone(safety, row));
  }
  return copies;
}

async function readAlone(safety: BackupReader, row: IndexRow): Promise<SafetyCopy> {
  try {
    return whole(await safety.read(row));
  } catch (error) {
    if (!isLost(error)) throw error;
    return { type: "unreadable", why: messageOf(error) };
  }
}

function whole(body: Buffer): SafetyCopy {
  return { type: "whole", object: withoutPause(parseJson(body) as KubeObject) };
}

function isLost(error: unknown): boolean {
  return isDamage(error) || isCoded(error, "StoreObjectMissing");
}
