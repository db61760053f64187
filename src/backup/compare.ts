/** Compares two backups by their index rows, and reads only the objects that differ. */
import { CONTENT_DIGEST_VERSION, contentOf } from "../api/digest.ts";
import { parseJson } from "../api/json.ts";
import type { KubeObject } from "../api/object.ts";
import { compare as comparePatch, valueAt } from "../api/patch.ts";
import type { FieldChange } from "../report/plan.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { compareRows, compareUtf8, type IndexRow } from "../storage/index-row.ts";

/** One object that is not the same on both sides. */
export interface ObjectDifference {
  readonly type: "added" | "removed" | "changed";
  readonly resource: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Only of `changed`: field by field, without status and what a restore strips. */
  readonly changes?: readonly FieldChange[];
}

/** Which objects are compared; undefined: all. */
export interface CompareFilter {
  readonly resource?: string;
  readonly namespace?: string;
}

/** The rows of one resource in the filter's namespace, for which the index is not read whole. */
export function rowsIn(reader: BackupReader, resource: string, { namespace }: CompareFilter): AsyncIterable<IndexRow> {
  return reader.rows(resource, namespace === undefined ? {} : { within: new Set([namespace]) });
}

/** What changed from `before` to `after`, by resource, namespace and name. Objects equal in content are not read. */
export async function* compareBackups(
  before: BackupReader,
  after: BackupReader,
  filter: CompareFilter = {},
): AsyncGenerator<ObjectDifference> {
  const resources = new Set([...(await before.resources()), ...(await after.resources())]);
  const isComparable = digestVersion(before) === digestVersion(after);
  for (const resource of [...resources].sort(compareUtf8)) {
    if (filter.resource !== undefined && filter.resource !== resource) continue;
    const pairs = pairRows(rowsIn(before, resource, filter), rowsIn(after, resource, filter));
    yield* describePairs(pairs, { before, after, isComparable });
  }
}

/** The field changes from one body to the other; empty where only status or stripped metadata differ. */
export function objectChanges(before: Uint8Array, after: Uint8Array): FieldChange[] {
  return contentChanges(parseJson(before) as KubeObject, parseJson(after) as KubeObject);
}

/** As `objectChanges`, of objects. */
export function contentChanges(before: KubeObject, after: KubeObject): FieldChange[] {
  const old = contentOf(before);
  return comparePatch(old, contentOf(after)).flatMap(({ op, path, value }): FieldChange[] => {
    if (op === "add") return [{ op, path, after: value }];
    if (op === "remove") return [{ op, path, before: valueAt(old, path) }];
    return op === "replace" ? [{ op, path, before: valueAt(old, path), after: value }] : [];
  });
}

interface RowPair {
  readonly before: IndexRow | undefined;
  readonly after: IndexRow | undefined;
}

/** Walks both sorted lists at once. */
async function* pairRows(before: AsyncIterable<IndexRow>, after: AsyncIterable<IndexRow>): AsyncGenerator<RowPair> {
  const left = before[Symbol.asyncIterator]();
  const right = after[Symbol.asyncIterator]();
  let a = await left.next();
  let b = await right.next();
  while (a.done !== true || b.done !== true) {
    const order = a.done === true ? 1 : b.done === true ? -1 : compareRows(a.value, b.value);
    yield { before: order <= 0 ? a.value : undefined, after: order >= 0 ? b.value : undefined };
    if (order <= 0) a = await left.next();
    if (order >= 0) b = await right.next();
  }
}

interface PairContext {
  readonly before: BackupReader;
  readonly after: BackupReader;
  /** Both sides' content digests were made by the same rules. */
  readonly isComparable: boolean;
}

/** Pairs in a window, so that each side reads its members once for many objects. */
const WINDOW = 200;

async function* describePairs(pairs: AsyncIterable<RowPair>, context: PairContext): AsyncGenerator<ObjectDifference> {
  let window: RowPair[] = [];
  for await (const pair of pairs) {
    if (isEqual(pair, context.isComparable)) continue;
    window.push(pair);
    if (window.length < WINDOW) continue;
    yield* describeWindow(window, context);
    window = [];
  }
  yield* describeWindow(window, context);
}

async function* describeWindow(
  window: readonly RowPair[],
  { before, after }: PairContext,
): AsyncGenerator<ObjectDifference> {
  const changed = window.flatMap((pair) =>
    pair.before === undefined || pair.after === undefined ? [] : [{ before: pair.before, after: pair.after }],
  );
  const [old, fresh] = await Promise.all([
    bodies(
      before,
      changed.map((pair) => pair.before),
    ),
    bodies(
      after,
      changed.map((pair) => pair.after),
    ),
  ]);
  for (const pair of window) {
    const row = pair.after ?? pair.before;
    if (row === undefined) continue;
    const { resource, kind, namespace, name } = row;
    const identity = { resource, kind, namespace, name };
    if (pair.before === undefined) yield { type: "added", ...identity };
    else if (pair.after === undefined) yield { type: "removed", ...identity };
    else {
      const changes = objectChanges(
        old.get(pair.before) ?? Buffer.from("{}"),
        fresh.get(pair.after) ?? Buffer.from("{}"),
      );
      if (changes.length > 0) yield { type: "changed", ...identity, changes };
    }
  }
}

async function bodies(reader: BackupReader, rows: readonly IndexRow[]): Promise<Map<IndexRow, Buffer>> {
  const found = new Map<IndexRow, Buffer>();
  for await (const { row, body } of reader.readMany(rows)) found.set(row, body);
  return found;
}

function isEqual({ before, after }: RowPair, isComparable: boolean): boolean {
  if (before === undefined || after === undefined) return false;
  return before.sha256 === after.sha256 || (isComparable && before.content === after.content);
}

function digestVersion(reader: BackupReader): number {
  return reader.manifest?.contentDigestVersion ?? CONTENT_DIGEST_VERSION;
}
