/** Backups as Velero's own versions left them in a bucket, made file by file. */
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { backupKeys } from "../../src/storage/layout.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { type TestItem, testMarker } from "../../src/storage/testing.ts";
import { encodeGzipJson } from "../../src/storage/velero-files.ts";

/** A tar.gz as Velero writes it: one gzip member. */
export async function packArchive(
  entries: readonly { readonly name: string; readonly text: string }[],
): Promise<Buffer> {
  const writer = pack();
  for (const { name, text } of entries) writer.entry({ name, mode: 0o755 }, text);
  writer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of writer) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

/** Writes a backup of Velero's: the marker, the archive, and those lists that are given, by the ends of their names. */
export async function writeVeleroFolder(
  store: ObjectStore,
  name: string,
  items: readonly TestItem[],
  lists: Readonly<Record<string, readonly unknown[] | null>>,
): Promise<void> {
  const keys = backupKeys(name);
  const entries = items.map(({ resource, object }) => {
    const { namespace } = object.metadata;
    const scope = namespace === undefined ? "cluster" : `namespaces/${namespace}`;
    return { name: `resources/${resource}/${scope}/${object.metadata.name}.json`, text: JSON.stringify(object) };
  });
  await store.put(keys.archive, await packArchive([{ name: "metadata/version", text: "1.1.0\n" }, ...entries]));
  for (const [file, list] of Object.entries(lists))
    await store.put(`${keys.prefix}${name}-${file}.json.gz`, await encodeGzipJson(list));
  await store.put(keys.marker, Buffer.from(`${JSON.stringify(testMarker(name), undefined, 2)}\n`));
}
