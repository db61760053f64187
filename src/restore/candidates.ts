/** The archived objects of one resource that a restore is about, in the order in which they are planned. */
import { parseJson } from "../api/json.ts";
import type { KubeObject, ObjectKey } from "../api/object.ts";
import { formatKey } from "../api/object.ts";
import { compareKeys, compareUtf8, type IndexRow } from "../storage/index-row.ts";
import { createLeftOut } from "./left-out.ts";
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
  const leftOut = createLeftOut();
  const leave = (row: IndexRow, why: string | undefined): void => {
    if (why !== undefined) leftOut.add(why, row);
  };
  for await (const row of request.backup.rows(resource, selection)) {
    if (drawn?.has(formatKey(row)) === true) rows.push(row);
    else if (!selection.includes(resource, row)) leave(row, selection.leftOutBy(resource, row));
    else (selection.hasSelectors(resource, row) ? asked : rows).push(row);
  }
  if (asked.length > 0) {
    for await (const { row, body } of request.backup.readMany(asked)) {
      const { labels } = (parseJson(body) as KubeObject).metadata;
      if (selection.matches(resource, row, labels)) rows.push(row);
      else leave(row, selection.leftOutBy(resource, row, { labels }));
    }
  }
  // Whole each time: a resource may be looked at again.
  session.facts.leftOut.set(resource, leftOut);
  const candidates = rows.map((row) => ({ row, target: targetOf(row) }));
  return candidates.sort((a, b) => compareKeys(a.target, b.target) || compareUtf8(a.row.namespace, b.row.namespace));

  function targetOf(row: IndexRow): ObjectKey {
    const namespace = row.namespace === "" ? "" : targetNamespaceOf(options, row.namespace);
    return namespace === row.namespace ? row : { namespace, name: row.name };
  }
}
