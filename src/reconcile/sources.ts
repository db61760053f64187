import type { GitSource, GitSourceStatus } from "../api/kinds.generated.ts";
import { formatKey, type KubeObject, type ObjectKey } from "../api/object.ts";
import type { GitRemote, Revision } from "../git/remote.ts";
import type { SourceRecord } from "../report/index-file.ts";
import type { DeclaredObjects } from "../report/source-record.ts";
import { type DesiredDocument, idOf, specDigest } from "./sync-plan.ts";

/** What is known of one source at its verified head; rebuilt from Git after a restart. */
export interface SourceTree {
  readonly revision: Revision;
  readonly documents: readonly DesiredDocument[];
}

/** The sources of this installation: who declares what, and where the record goes. */
export interface Sources {
  /** The source given by `holdfast run --repo`, which is no object in the cluster. */
  readonly flagged: GitSource | undefined;
  /** Keeps the status that an object in the cluster would have. */
  setFlaggedStatus(status: GitSourceStatus): void;
  setTree(source: ObjectKey, tree: SourceTree): void;
  tree(source: ObjectKey): SourceTree | undefined;
  setApplied(source: ObjectKey, record: SourceRecord, declared: DeclaredObjects): void;
  /** By `namespace/name`, sorted. */
  applied(): Readonly<Record<string, SourceRecord>>;
  /** What each source declared when it was applied. */
  declarations(): readonly { readonly source: ObjectKey; readonly declared: DeclaredObjects }[];
  forget(source: ObjectKey): void;
  /** Another source that has this object in its tree. */
  declaredBy(kind: string, key: ObjectKey, except: ObjectKey): string | undefined;
  /** Whether some source has, at its verified head, a document of this kind, key and spec digest: provenance, proved. */
  isDeclared(object: KubeObject): boolean;
  /** The branch of a source was read at `atMs`, ms since the epoch. */
  noteFetched(source: ObjectKey, atMs: number): void;
  /** When the branch of each source was last read, by `namespace/name`. */
  fetched(): ReadonlyMap<string, number>;
  setRecordTarget(source: ObjectKey, target: RecordTarget): void;
  /** Where the record of this cluster is written: one branch, that of the first source by name. */
  recordTarget(): RecordTarget | undefined;
  /** Whether there is a source at all, and so a record, although its remote may not be open yet. */
  hasRecord(): boolean;
}

/** What the registry asks and tells. */
export interface SourcesOptions {
  /** The source of the command line. */
  readonly flagged: GitSource | undefined;
  /** Whether the cluster holds a GitSource. */
  readonly hasObjects: () => boolean;
  /** Told when the status of the command line's source changed: no watch tells of it. */
  readonly onFlagged?: (before: GitSource, after: GitSource) => void;
  /** Told once, when the record can be reached for the first time. */
  readonly onRecord: () => void;
}

export interface RecordTarget {
  readonly remote: GitRemote;
  readonly branch: string;
}

/** An empty registry. */
export function createSources(options: SourcesOptions): Sources {
  let { flagged } = options;
  const trees = new Map<string, SourceTree>();
  const declared = new Map<string, Map<string, string>>();
  const applied = new Map<string, SourceRecord>();
  const declarations = new Map<string, { readonly source: ObjectKey; readonly declared: DeclaredObjects }>();
  const targets = new Map<string, RecordTarget>();
  const fetched = new Map<string, number>();

  return {
    get flagged() {
      return flagged;
    },
    setFlaggedStatus: (status) => {
      if (flagged === undefined) return;
      const before = flagged;
      flagged = { ...flagged, status };
      options.onFlagged?.(before, flagged);
    },
    setTree: (source, tree) => {
      if (trees.get(formatKey(source)) === tree) return;
      trees.set(formatKey(source), tree);
      declared.set(formatKey(source), new Map(tree.documents.map(({ object }) => [idOf(object), specDigest(object)])));
    },
    tree: (source) => trees.get(formatKey(source)),
    setApplied: (source, record, declared) => {
      applied.set(formatKey(source), record);
      declarations.set(formatKey(source), { source, declared });
    },
    declarations: () => [...declarations.values()],
    applied: () => Object.fromEntries([...applied].sort(([a], [b]) => (a < b ? -1 : 1))),
    forget: (source) => {
      for (const map of [trees, declared, applied, declarations, targets, fetched]) map.delete(formatKey(source));
    },
    declaredBy: (kind, key, except) => {
      const id = `${kind} ${formatKey(key)}`;
      for (const [source, documents] of declared) {
        if (source !== formatKey(except) && documents.has(id)) return source;
      }
      return undefined;
    },
    isDeclared: (object) => {
      const [id, digest] = [idOf(object), specDigest(object)];
      return [...declared.values()].some((documents) => documents.get(id) === digest);
    },
    noteFetched: (source, atMs) => void fetched.set(formatKey(source), atMs),
    fetched: () => fetched,
    setRecordTarget: (source, target) => {
      const isFirst = targets.size === 0;
      targets.set(formatKey(source), target);
      if (isFirst) options.onRecord();
    },
    hasRecord: () => flagged !== undefined || options.hasObjects(),
    recordTarget: () => {
      const first = [...targets.keys()].sort()[0];
      return first === undefined ? undefined : targets.get(first);
    },
  };
}
