/** The objects of one local clone: packs as they were fetched, and what was committed since as loose objects. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { deflateSync, inflateSync } from "node:zlib";
import { errorCode } from "./http-errors.ts";
import { createObjectCache } from "./object-cache.ts";
import { type GitObject, type ObjectType, objectId } from "./object-id.ts";
import { writePackIndex } from "./pack-index.ts";
import { openPack, type PackReader } from "./pack-reader.ts";

/** The trees that every path below them is found by are read anew for each file. */
const CACHE_BYTES = 4 * 1024 * 1024;

export interface ObjectDatabase {
  readonly packCount: number;
  readonly looseCount: number;
  /** Undefined when the clone lacks the object. @throws {RangeError} when it is damaged */
  read(oid: string): Promise<GitObject | undefined>;
  /** How long an object is; undefined when the clone lacks it. */
  sizeOf(oid: string): Promise<number | undefined>;
  /** Stores an object under the name Git gives it. Idempotent. */
  write(type: ObjectType, bytes: Buffer): Promise<string>;
  /** A path for a pack that is about to be fetched; it counts only after `adopt`. */
  incomingPack(): string;
  /** Indexes a fetched pack and adds it. */
  adopt(pack: string): Promise<void>;
  close(): Promise<void>;
}

/** Makes an empty database in a bare repository's folder. */
export async function createObjectDatabase(gitdir: string): Promise<ObjectDatabase> {
  const packFolder = join(gitdir, "objects", "pack");
  const incoming = join(gitdir, "incoming");
  for (const folder of [incoming, packFolder, join(gitdir, "refs")]) await mkdir(folder, { recursive: true });
  // What makes the folder a repository to the git binary too, for a person who looks into it.
  await writeFile(join(gitdir, "HEAD"), "ref: refs/heads/main\n");
  await writeFile(join(gitdir, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
  const packs: PackReader[] = [];
  const loose = new Set<string>();
  const latest = createObjectCache<string>(CACHE_BYTES, CACHE_BYTES / 8);
  let fetched = 0;

  const readOwn = async (oid: string): Promise<GitObject | undefined> => {
    const known = latest.get(oid);
    if (known !== undefined) return known;
    const object = await readLoose(gitdir, oid);
    return object === undefined ? undefined : latest.put(oid, object);
  };

  const read = async (oid: string): Promise<GitObject | undefined> => {
    if (loose.has(oid)) return await readOwn(oid);
    for (const pack of packs) {
      const offset = pack.find(oid);
      if (offset !== undefined) return await pack.readAt(offset, read);
    }
    return undefined;
  };

  return {
    get packCount() {
      return packs.length;
    },
    get looseCount() {
      return loose.size;
    },
    read,
    sizeOf: async (oid) => {
      if (loose.has(oid)) return (await readOwn(oid))?.bytes.length;
      for (const pack of packs) {
        const offset = pack.find(oid);
        if (offset !== undefined) return await pack.sizeAt(offset);
      }
      return undefined;
    },
    write: async (type, bytes) => {
      const oid = objectId(type, bytes);
      await writeLoose(gitdir, oid, Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]));
      loose.add(oid);
      return oid;
    },
    incomingPack: () => {
      fetched += 1;
      return join(incoming, `pack-${fetched}.pack`);
    },
    adopt: async (pack) => {
      await writePackIndex(pack, pack.replace(/pack$/, "idx"));
      const base = join(packFolder, basename(pack, ".pack"));
      await rename(pack, `${base}.pack`);
      await rename(pack.replace(/pack$/, "idx"), `${base}.idx`);
      packs.unshift(await openPack(base));
    },
    close: async () => {
      await Promise.all(packs.map((pack) => pack.close()));
      await rm(gitdir, { recursive: true, force: true });
    },
  };
}

async function writeLoose(gitdir: string, oid: string, whole: Buffer): Promise<void> {
  const folder = join(gitdir, "objects", oid.slice(0, 2));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, oid.slice(2)), deflateSync(whole));
}

async function readLoose(gitdir: string, oid: string): Promise<GitObject | undefined> {
  let deflated: Buffer;
  try {
    deflated = await readFile(join(gitdir, "objects", oid.slice(0, 2), oid.slice(2)));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const whole = inflateSync(deflated);
  const end = whole.indexOf(0);
  const type = whole.toString("latin1", 0, end).split(" ")[0];
  return { type: type as ObjectType, bytes: whole.subarray(end + 1) };
}
