/** Which documents a pull request adds, changes and removes. Pure. */
import { formatKey, keyOf } from "../api/object.ts";
import type { ParsedDocument } from "../api/validate.ts";
import type { DocumentChange } from "../report/pull-request.ts";

/** One document, as it is and as it would be. */
export interface DocumentPair {
  readonly change: DocumentChange;
  readonly kind: string;
  /** `namespace/name`. */
  readonly name: string;
  readonly before: ParsedDocument | undefined;
  readonly after: ParsedDocument | undefined;
}

/**
 * Compares two trees by kind, name and spec; sorted. A file that is bad after the merge has no documents: those it had
 * are not taken for removed.
 */
export function changedDocuments(
  before: readonly ParsedDocument[],
  after: readonly ParsedDocument[],
  badFiles: ReadonlySet<string>,
): DocumentPair[] {
  const [old, next] = [byId(before), byId(after)];
  const pairs: DocumentPair[] = [];
  for (const [id, document] of next) {
    const was = old.get(id);
    if (was?.digest === document.digest) continue;
    pairs.push({
      ...describe(document),
      change: was === undefined ? "added" : "changed",
      before: was,
      after: document,
    });
  }
  for (const [id, document] of old) {
    if (next.has(id) || badFiles.has(document.file)) continue;
    pairs.push({ ...describe(document), change: "removed", before: document, after: undefined });
  }
  return pairs.sort((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1));
}

function byId(documents: readonly ParsedDocument[]): Map<string, ParsedDocument> {
  return new Map(documents.map((document) => [`${document.kind} ${formatKey(keyOf(document.object))}`, document]));
}

function describe({ kind, object }: ParsedDocument): { kind: string; name: string } {
  return { kind, name: formatKey(keyOf(object)) };
}
