/** The archived objects of one resource that a restore is about, in the order in which they are planned. */
import { parseJson } from "../api/json.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import { compareKeys, compareUtf8, type IndexRow } from "../storage/index-row.ts";
import { targetNamespaceOf } from "./options.ts";
import type { RestoreSession } from "./session.ts";

/** One archived object and where it goes. */
export interface Candidate {
  readonly row: IndexRow;
  readonly target: ObjectKey;
}

/** Rows that the filters select or another object needs, by target `namespace/name` in the API server's list order. */
export async function candidatesOf(session: RestoreSession, resource: string): Promise<Candidate[]> {
  const { selection, related, options, request } = session;
  const drawn = related.get(resource);
  const rows: IndexRow[] = [];
  const asked: IndexRow[] = [];
  for await (const row of request.backup.rows(resource, selection)) {
    if (drawn?.has(formatKey(row)) === true) rows.push(row);
    else if (selection.includes(resource, row)) (selection.hasSelectors ? asked : rows).push(row);
  }
  if (asked.length > 0) {
    for await (const { row, body } of request.backup.readMany(asked)) {
      if (selection.matches(parseJson(body) as KubeObject)) rows.push(row);
    }
  }
  const candidates = rows.map((row) => ({ row, target: targetOf(row) }));
  return candidates.sort((a, b) => compareKeys(a.target, b.target) || compareUtf8(a.row.namespace, b.row.namespace));

  function targetOf(row: IndexRow): ObjectKey {
    const namespace = row.namespace === "" ? "" : targetNamespaceOf(options, row.namespace);
    return namespace === row.namespace ? row : { namespace, name: row.name };
  }
}
