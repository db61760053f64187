import { parseJson } from "../api/json.ts";
import { rowsJson } from "./stable-text.ts";

/** What a source said of one object when it was wholly applied last: enough to prune it, and to take back labels. */
export interface Declared {
  /** SHA-256 of the document's spec as written. */
  readonly spec: string;
  /** Names of the labels and annotations the document carried. */
  readonly labels?: readonly string[];
  readonly annotations?: readonly string[];
}

/** `Kind namespace/name` → what was declared. */
export type DeclaredObjects = Readonly<Record<string, Declared>>;

/** `sources/<ns>/<name>.json`: what a source declares. It changes when a document does, not with every commit. */
export function sourceRecordText(source: string, objects: DeclaredObjects): string {
  return rowsJson({ source }, "objects", objects);
}

/** Reads such a file; undefined when the bytes are none: then nothing is known to be declared, and nothing pruned. */
export function parseSourceRecord(bytes: Uint8Array | undefined): DeclaredObjects | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { objects } = parseJson(bytes) as { readonly objects?: Record<string, Partial<Declared>> };
    if (typeof objects !== "object" || objects === null) return undefined;
    return Object.values(objects).every(({ spec }) => typeof spec === "string")
      ? (objects as DeclaredObjects)
      : undefined;
  } catch {
    return undefined;
  }
}
