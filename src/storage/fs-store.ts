import { createHash, randomBytes } from "node:crypto";
import { type Dirent, constants as fsConstants } from "node:fs";
import { type FileHandle, open, readdir, realpath, rename, rmdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import type { Readable } from "node:stream";
import { CodedError } from "../errors.ts";
import { fromFsError } from "./fs-errors.ts";
import { exists, ignoreMissing, isMissing, linkInto, makeFolder, syncFolder, writeBody } from "./fs-file.ts";
import { compareUtf8 } from "./index-row.ts";
import type { ObjectStat, ObjectStore, PutOptions, PutOutcome } from "./object-store.ts";
import { discard } from "./streams.ts";

/** Names of files that are being written; no listing shows them. */
const UPLOAD = ".holdfast-upload-";

/**
 * A store in a folder. A file appears by `rename`, or by `link` where none may be there, after it and its folder are
 * synced; so it is whole or absent after a crash. The folder itself is not made: a missing one is a missing mount.
 */
export class FsStore implements ObjectStore {
  readonly location: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.location = `file://${root}`;
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<PutOutcome> {
    options.signal?.throwIfAborted();
    const target = this.#pathOf(key);
    const temporary = join(dirname(target), `${uploadPrefix(key)}${randomBytes(8).toString("hex")}`);
    try {
      if (options.ifAbsent === true && (await exists(target))) return { type: "exists" };
      const file = await this.#create(temporary);
      try {
        await writeBody(file, body, options.signal);
        await file.sync();
      } finally {
        await file.close();
      }
      if (options.ifAbsent !== true) await rename(temporary, target);
      else if (!(await linkInto(temporary, target))) return { type: "exists" };
      await syncFolder(dirname(target));
      return { type: "created" };
    } catch (error) {
      await unlink(temporary).catch(() => {});
      await this.#removeEmptyFolders(dirname(target)).catch(() => {});
      throw fromFsError(error, { location: this.location, key, action: "write" });
    } finally {
      discard(body);
      await unlink(temporary).catch(() => {});
    }
  }

  async get(key: string, signal?: AbortSignal): Promise<Readable> {
    signal?.throwIfAborted();
    const file = await this.#openFile(key);
    return file.createReadStream({ highWaterMark: 256 * 1024, ...(signal && { signal }) });
  }

  async getRange(key: string, offset: number, length: number, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    const file = await this.#openFile(key);
    try {
      const bytes = Buffer.allocUnsafe(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) {
          throw new CodedError(
            "ArchiveTruncated",
            { key },
            `${key} is cut short: it ends before byte ${offset + length}`,
          );
        }
        done += bytesRead;
      }
      return bytes;
    } catch (error) {
      throw fromFsError(error, { location: this.location, key, action: "read" });
    } finally {
      await file.close();
    }
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectStat | undefined> {
    signal?.throwIfAborted();
    try {
      const found = await stat(this.#pathOf(key));
      return found.isFile() ? { key, sizeBytes: found.size, modifiedMs: found.mtimeMs } : undefined;
    } catch (error) {
      if (isMissing(error)) return await this.#checkRoot();
      throw fromFsError(error, { location: this.location, key, action: "read" });
    }
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    yield* this.#walk(folder, prefix, signal);
  }

  async listPrefixes(prefix: string, signal?: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for (const entry of await this.#entries(prefix, signal)) {
      if (!entry.isDirectory()) continue;
      // A folder that a crash left empty is no prefix: a bucket has none without an object.
      for await (const _first of this.#walk(`${prefix}${entry.name}/`, "", signal)) {
        found.push(`${entry.name}/`);
        break;
      }
    }
    return found;
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const target = this.#pathOf(key);
    try {
      await unlink(target).catch(ignoreMissing);
      await this.#removeEmptyFolders(dirname(target));
    } catch (error) {
      throw fromFsError(error, { location: this.location, key, action: "write" });
    }
  }

  async abortUploads(key: string, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const folder = dirname(this.#pathOf(key));
    try {
      const names = await readdir(folder).catch(() => []);
      const left = names.filter((name) => name.startsWith(uploadPrefix(key)));
      for (const name of left) await unlink(join(folder, name)).catch(ignoreMissing);
      if (left.length > 0) await this.#removeEmptyFolders(folder);
      return left.length;
    } catch (error) {
      throw fromFsError(error, { location: this.location, key, action: "write" });
    }
  }

  /** The file of a key. @throws {InvalidSpec} for a key that would lead elsewhere. */
  #pathOf(key: string): string {
    const segments = key.split("/");
    const isPlain = segments.every((each) => each !== "" && each !== "." && each !== ".." && !each.includes("\0"));
    const isOurs = segments.some((each) => each.startsWith(UPLOAD));
    if (isPlain && !isOurs) return join(this.#root, ...segments);
    throw new CodedError(
      "InvalidSpec",
      { fields: [key] },
      `${JSON.stringify(key)} cannot be a key of ${this.location}`,
    );
  }

  /** Opens a new file, its folders made where they are missing; another's delete may take them away in between. */
  async #create(path: string): Promise<FileHandle> {
    for (let attempt = 1; ; attempt++) {
      await this.#makeFolders(dirname(path));
      try {
        return await open(path, "wx", 0o600);
      } catch (error) {
        if (!isMissing(error) || attempt === 5) throw error;
      }
    }
  }

  async #makeFolders(folder: string): Promise<void> {
    await this.#checkRoot();
    const first = await makeFolder(folder);
    await this.#checkInside(folder);
    // Each folder above a new one must know it after a crash.
    for (let at = folder; first !== undefined && at.length >= first.length; at = dirname(at))
      await syncFolder(dirname(at));
  }

  /** A link in the root must not lead out of it. */
  async #checkInside(folder: string): Promise<void> {
    const [root, real] = await Promise.all([realpath(this.#root), realpath(folder)]);
    if (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)) return;
    throw new CodedError("InvalidSpec", { fields: [folder] }, `${folder} is a link that leads out of ${this.location}`);
  }

  async #checkRoot(): Promise<undefined> {
    const found = await stat(this.#root).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw fromFsError(error, { location: this.location, key: "", action: "read" });
    });
    if (found?.isDirectory()) return undefined;
    const message = `${this.location} is not a folder: make it, or mount it, before it is used`;
    throw new CodedError("StoreBucketMissing", { location: this.location }, message);
  }

  async #openFile(key: string): Promise<FileHandle> {
    const path = this.#pathOf(key);
    try {
      await this.#checkInside(dirname(path));
      const file = await open(path, fsConstants.O_RDONLY | fsConstants.O_NOFOLLOW);
      if ((await file.stat()).isFile()) return file;
      await file.close();
      throw new CodedError("StoreObjectMissing", { key }, `${this.location} has no object ${key}`);
    } catch (error) {
      if (isMissing(error)) await this.#checkRoot();
      throw fromFsError(error, { location: this.location, key, action: "read" });
    }
  }

  /** What is in a folder, in the order of the keys: a folder counts with its slash. */
  async #entries(folder: string, signal: AbortSignal | undefined): Promise<Dirent[]> {
    signal?.throwIfAborted();
    try {
      const entries = await readdir(join(this.#root, folder), { withFileTypes: true });
      const shown = entries.filter(
        (entry) => !entry.name.startsWith(UPLOAD) && (entry.isFile() || entry.isDirectory()),
      );
      return shown.sort((a, b) => compareUtf8(orderOf(a), orderOf(b)));
    } catch (error) {
      if (!isMissing(error)) throw fromFsError(error, { location: this.location, key: folder, action: "read" });
      await this.#checkRoot();
      return [];
    }
  }

  async *#walk(folder: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<ObjectStat> {
    for (const entry of await this.#entries(folder, signal)) {
      const key = `${folder}${entry.name}`;
      if (entry.isDirectory()) {
        if (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`)) yield* this.#walk(`${key}/`, prefix, signal);
      } else if (key.startsWith(prefix)) {
        const found = await this.head(key, signal);
        if (found !== undefined) yield found;
      }
    }
  }

  async #removeEmptyFolders(from: string): Promise<void> {
    for (let folder = from; folder !== this.#root && folder.startsWith(this.#root); folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch (error) {
        if (!isMissing(error)) return; // Not empty: nothing above it is empty either.
      }
    }
  }
}

/** Short whatever the key: a file's name and 40 characters more would pass the limit of 255. */
function uploadPrefix(key: string): string {
  return `${UPLOAD}${createHash("sha256").update(basename(key)).digest("hex").slice(0, 16)}-`;
}

function orderOf(entry: Dirent): string {
  return entry.isDirectory() ? `${entry.name}/` : entry.name;
}
