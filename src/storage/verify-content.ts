import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { sha256 } from "../api/digest.ts";
import { CodedError, isCoded, messageOf } from "../errors.ts";
import { readArchive } from "./archive-reader.ts";
import { verifyFile } from "./holdfast-reader.ts";
import { createIndexReader } from "./index-reader.ts";
import type { IndexRow, RowPosition } from "./index-row.ts";
import { backupKeys } from "./layout.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import { bodyOf, createMemberReader } from "./member-reader.ts";
import type { Verification, VerifyProblem } from "./verify-backup.ts";

/** Objects named one by one; a file that is all wrong is one finding, not a hundred thousand. */
const MAX_NAMED = 50;

/** Compares one file with its line in the manifest; undefined when it is as it was put. */
export async function verifyFileData(run: Verification, file: ManifestFile): Promise<VerifyProblem | undefined> {
  const key = `${backupKeys(run.name).prefix}${file.name}`;
  const sizeBytes = run.folder.get(key);
  if (sizeBytes === undefined) return { type: "missing", at: file.name, message: `${key} is missing` };
  if (!run.options.readData) {
    if (sizeBytes === file.sizeBytes) return undefined;
    const type = sizeBytes < file.sizeBytes ? "truncated" : "replaced";
    return { type, at: file.name, message: `${key} has ${sizeBytes} bytes, ${file.sizeBytes} were put` };
  }
  try {
    await verifyFile(run.store, key, file, run.options.signal);
    return undefined;
  } catch (error) {
    if (!isCoded(error, "DigestMismatch") && !isCoded(error, "ArchiveTruncated")) throw error;
    return { type: await kindOfDamage(run, key, file.sizeBytes), at: file.name, message: messageOf(error) };
  }
}

/** gzip carries a checksum of its own: content that passes it was put there, content that fails it was damaged. */
async function kindOfDamage(run: Verification, key: string, expectedBytes: number): Promise<VerifyProblem["type"]> {
  if (await isWhole(run, key)) return "replaced";
  return (run.folder.get(key) ?? 0) < expectedBytes ? "truncated" : "flipped";
}

async function isWhole(run: Verification, key: string): Promise<boolean> {
  try {
    if (key === backupKeys(run.name).archive) {
      for await (const _object of readArchive(run.store, key, signalOf(run)));
      return true;
    }
    // Read to its end: a stream that nobody waits for throws at the process when the bytes end too early.
    await pipeline(
      await run.store.get(key, run.options.signal),
      createGunzip(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const _chunk of chunks);
      },
    );
    return true;
  } catch (error) {
    if (error instanceof CodedError && !/^Archive/.test(error.code)) throw error;
    return false;
  }
}

function signalOf(run: Verification): { signal?: AbortSignal } {
  return run.options.signal === undefined ? {} : { signal: run.options.signal };
}

/** Compares every object with its row; returns how many are as they were put. */
export async function verifyArchiveItems(run: Verification, manifest: Manifest): Promise<number> {
  const keys = backupKeys(run.name);
  if (!run.folder.has(keys.archive)) return 0;
  const index = createIndexReader(run.store, { key: keys.index, members: manifest.index, signal: run.options.signal });
  const members = createMemberReader(run.store, keys.archive, run.options.signal);
  const damage = createDamageLog(keys.archive.slice(keys.prefix.length));
  let whole = 0;
  for (const resource of new Set(manifest.index.map((member) => member.resource))) {
    for await (const row of index.rows(resource, { versions: "all" })) {
      try {
        bodyOf(keys.archive, row, await members.member(row));
        whole += 1;
      } catch (error) {
        damage.add(row, error);
      }
    }
  }
  run.problems.push(...damage.problems());
  const rows = manifest.index.reduce((total, member) => total + member.rows, 0);
  if (whole === rows && whole < manifest.counts.items) {
    const message = `the manifest counts ${manifest.counts.items} objects, the index has ${rows}`;
    run.problems.push({ type: "manifest", at: keys.manifest.slice(keys.prefix.length), message });
  }
  return whole;
}

/**
 * Compares an archive that is another one than was put, but whole in itself, object by object: its members lie elsewhere,
 * so that the rows find none of them. Returns how many objects are as they were put.
 */
export async function verifyReplacedItems(run: Verification, manifest: Manifest): Promise<number> {
  const keys = backupKeys(run.name);
  const file = keys.archive.slice(keys.prefix.length);
  const expected = await digestsByObject(run, manifest);
  const problems: VerifyProblem[] = [];
  let whole = 0;
  for await (const { body, ...position } of readArchive(run.store, keys.archive, signalOf(run))) {
    if (position.versionFolder.endsWith("-preferredversion")) continue; // a copy of the classic path
    const at = objectText(position);
    const digest = expected.get(at);
    expected.delete(at);
    if (digest === undefined)
      problems.push({ type: "extra", at: `${file}: ${at}`, message: "no object of this backup" });
    else if (digest === sha256(body)) whole += 1;
    else problems.push({ type: "replaced", at: `${file}: ${at}`, message: "it is not the object that was put" });
  }
  for (const at of expected.keys())
    problems.push({ type: "missing", at: `${file}: ${at}`, message: "it is not in the archive any more" });
  const more = problems.length - MAX_NAMED;
  run.problems.push(...problems.slice(0, MAX_NAMED));
  if (more > 0) run.problems.push({ type: "replaced", at: file, message: `and ${more} more objects` });
  return whole;
}

async function digestsByObject(run: Verification, manifest: Manifest): Promise<Map<string, string>> {
  const { index: key } = backupKeys(run.name);
  const index = createIndexReader(run.store, { key, members: manifest.index, signal: run.options.signal });
  const digests = new Map<string, string>();
  for (const resource of new Set(manifest.index.map((member) => member.resource))) {
    for await (const row of index.rows(resource, { versions: "all" })) digests.set(objectText(row), row.sha256);
  }
  return digests;
}

/** `configmaps/ns/name`, and of another version than the preferred one its folder. */
function objectText({ resource, namespace, name, versionFolder = "" }: RowPosition): string {
  const folder = versionFolder === "" ? "" : ` (${versionFolder})`;
  return `${resource}/${namespace === "" ? "" : `${namespace}/`}${name}${folder}`;
}

/** Findings about objects: a body that differs by itself, a broken member once, with how many objects are in it. */
function createDamageLog(file: string): { add(row: IndexRow, error: unknown): void; problems(): VerifyProblem[] } {
  const bodies: VerifyProblem[] = [];
  const members = new Map<number, { readonly first: VerifyProblem; objects: number }>();
  let unnamed = 0;

  function add(row: IndexRow, error: unknown): void {
    const at = `${file}: ${objectText(row)}`;
    const message = messageOf(error);
    if (isCoded(error, "DigestMismatch")) {
      if (bodies.length < MAX_NAMED) bodies.push({ type: "replaced", at, message });
      else unnamed += 1;
      return;
    }
    if (!isCoded(error, "ArchiveInvalid") && !isCoded(error, "ArchiveTruncated")) throw error;
    const known = members.get(row.member);
    if (known !== undefined) known.objects += 1;
    else
      members.set(row.member, {
        first: { type: isCoded(error, "ArchiveInvalid") ? "flipped" : "truncated", at, message },
        objects: 1,
      });
  }

  function problems(): VerifyProblem[] {
    const broken = [...members.values()]
      .slice(0, MAX_NAMED)
      .map(({ first, objects }) =>
        objects === 1 ? first : { ...first, message: `${first.message} (${objects} objects are lost with it)` },
      );
    const rest = unnamed + Math.max(0, members.size - MAX_NAMED);
    const more: VerifyProblem[] =
      rest === 0 ? [] : [{ type: "replaced", at: file, message: `and ${rest} more objects or members` }];
    return [...broken, ...bodies, ...more];
  }

  return { add, problems };
}

/** Reads an archive that has no digests; returns its objects, and adds what is wrong with it. */
export async function verifyForeignArchive(run: Verification): Promise<number> {
  const keys = backupKeys(run.name);
  const file = keys.archive.slice(keys.prefix.length);
  let items = 0;
  const onUnreadable = (path: string, why: string): void => {
    run.problems.push({ type: "flipped", at: `${file}: ${path}`, message: `${path}: ${why}` });
  };
  try {
    for await (const object of readArchive(run.store, keys.archive, { ...signalOf(run), onUnreadable })) {
      if (object.versionFolder === "") items += 1;
    }
  } catch (error) {
    if (!(error instanceof CodedError) || !/^Archive/.test(error.code)) throw error;
    const type = isCoded(error, "ArchiveTruncated") ? "truncated" : "flipped";
    run.problems.push({ type, at: file, message: messageOf(error) });
  }
  return items;
}
