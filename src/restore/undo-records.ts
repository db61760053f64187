/** What a run wrote, in the order in which an undo takes it back. */
import { formatKey } from "../api/object.ts";
import { compareKeys } from "../storage/index-row.ts";
import { orderResources } from "./order.ts";
import type { ObjectRecord } from "./types.ts";

/** The records of one resource, by place. */
export interface ResourceRecords {
  readonly resource: string;
  readonly records: readonly ObjectRecord[];
}

/** Each object that a run wrote, once. */
export interface WrittenRecords {
  /** What the run left in the cluster, in reverse restore order; namespaces last, when everything in them has gone. */
  readonly left: readonly ResourceRecords[];
  /** What the run, being an undo itself, deleted. */
  readonly deleted: readonly ObjectRecord[];
  readonly count: number;
  /** How many of them were there before, and only a copy can bring back. */
  readonly changed: number;
}

const WRITTEN: ReadonlySet<string> = new Set(["created", "patched", "labelled", "recreated", "failed", "deleted"]);

/** Sorts out the records of a run; `createdOnly` leaves out all that was there before. */
export async function writtenRecords(
  records: AsyncIterable<ObjectRecord> | Iterable<ObjectRecord>,
  { createdOnly = false }: { readonly createdOnly?: boolean | undefined } = {},
): Promise<WrittenRecords> {
  const last = await lastRecords(records);
  const all = createdOnly ? last.filter(isCreated) : last;
  const made = new Set(all.filter((record) => record.resource === "namespaces" && isCreated(record)).map(nameOf));
  const deleted = all.filter(isDeleted);
  // What the cluster itself put into a namespace of the restore goes with it.
  const left = all.filter((record) => !isDeleted(record) && (isCreated(record) || !made.has(record.namespace)));
  const reversed = inRestoreOrder(left).toReversed();
  const isNamespaces = ({ resource }: ResourceRecords): boolean => resource === "namespaces";
  return {
    left: [...reversed.filter((each) => !isNamespaces(each)), ...reversed.filter(isNamespaces)],
    deleted,
    count: left.length + deleted.length,
    changed: left.filter((record) => !isCreated(record)).length + deleted.length,
  };
}

/** The records by resource, first that which a restore would write first. */
export function inRestoreOrder(records: readonly ObjectRecord[]): ResourceRecords[] {
  const byResource = Map.groupBy(records, ({ resource }) => resource);
  return orderResources(byResource.keys()).map((resource) => ({
    resource,
    records: (byResource.get(resource) ?? []).sort(compareKeys),
  }));
}

/** The last record of each object that the run wrote. */
async function lastRecords(records: AsyncIterable<ObjectRecord> | Iterable<ObjectRecord>): Promise<ObjectRecord[]> {
  const byPlace = new Map<string, ObjectRecord>();
  for await (const record of records) {
    if (!WRITTEN.has(record.outcome) || (record.uid ?? record.deletedUid) === undefined) continue;
    const place = `${record.resource} ${formatKey({ namespace: record.namespace, name: record.name })}`;
    const before = byPlace.get(place);
    // Of two that were mapped to one place the first may have created it.
    byPlace.set(place, before !== undefined && isCreated(before) ? { ...record, outcome: "created" } : record);
  }
  return [...byPlace.values()];
}

function isDeleted({ outcome }: ObjectRecord): boolean {
  return outcome === "deleted";
}

function isCreated({ outcome }: ObjectRecord): boolean {
  return outcome === "created";
}

function nameOf({ name }: ObjectRecord): string {
  return name;
}
