import { hash } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentDigest } from "../api/digest.ts";
import { type KubeObject, parseApiVersion } from "../api/object.ts";
import { CodedError } from "../errors.ts";
import { archivePath } from "./archive-path.ts";
import { readArchive } from "./archive-reader.ts";
import type { ItemProblem } from "./backup-reader.ts";
import type { ObjectStore } from "./object-store.ts";
import { createRowTable, type RowTable } from "./row-table.ts";

/**
 * The objects of an archive without an index: rows in memory, bodies one after the other in one temporary file that has
 * no name any more. Rejected: reading the archive again for every resource, which costs a restore fifty downloads; and
 * files named by the archive, which is where path traversal begins.
 */
export interface Spool {
  readonly tables: ReadonlyMap<string, RowTable>;
  readonly problems: readonly ItemProblem[];
  /** Bytes of a body as a row gives them. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Bodies are gathered to this size before they are written. */
const WRITE_BYTES = 1024 * 1024;

/** Reads a whole archive once, checked, into a spool below `dir`. @throws as `readArchive`, and {StoreFull} */
export async function spoolArchive(
  store: ObjectStore,
  key: string,
  options: { readonly dir?: string; readonly signal?: AbortSignal },
): Promise<Spool> {
  const file = await openUnnamed(options.dir ?? tmpdir());
  const tables = new Map<string, RowTable>();
  const problems: ItemProblem[] = [];
  const writer = createSpoolWriter(file);
  try {
    const archive = readArchive(store, key, {
      ...(options.signal && { signal: options.signal }),
      onUnreadable: (path, why) => problems.push({ path, namespace: namespaceOf(path), why }),
    });
    for await (const { body, object, ...position } of archive) {
      if (position.versionFolder.endsWith("-preferredversion")) continue; // A copy of the classic path.
      const content = digestOf(object);
      if (content === undefined) {
        problems.push({ path: archivePath(position), namespace: position.namespace, why: "it is nested too deep" });
        continue;
      }
      const table = tables.get(position.resource) ?? createRowTable();
      tables.set(position.resource, table);
      const { version } = parseApiVersion(object.apiVersion);
      const offset = await writer.append(body);
      const sha256 = hash("sha256", body);
      table.add({ ...position, version, kind: object.kind, member: 0, offset, length: body.length, sha256, content });
    }
    await writer.flush();
  } catch (error) {
    await file.close();
    throw spoolError(error, key);
  }
  let closing: Promise<void> | undefined;
  return {
    tables,
    problems,
    read: async (offset, length) => {
      const body = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(body, 0, length, offset);
      if (bytesRead !== length)
        throw new CodedError("Internal", { detail: "spool" }, "the temporary copy of an archive is too short");
      return body;
    },
    close: async () => {
      closing ??= file.close();
      await closing;
    },
  };
}

/** Undefined for JSON nested so deep that walking it ends the stack: no API server ever stored it. */
function digestOf(object: KubeObject): string | undefined {
  try {
    return contentDigest(object);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A file that exists only as long as it is open: nothing is left behind, whatever becomes of the process. */
async function openUnnamed(dir: string): Promise<FileHandle> {
  const folder = await mkdtemp(join(dir, "holdfast-"));
  try {
    return await open(join(folder, "spool"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function createSpoolWriter(file: FileHandle): { append(body: Buffer): Promise<number>; flush(): Promise<void> } {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let written = 0;

  async function flush(): Promise<void> {
    const bytes = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    // writeFile-style loops are node's; a FileHandle may write less than it was given.
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, written + done);
      done += bytesWritten;
    }
    written += bytes.length;
  }

  async function append(body: Buffer): Promise<number> {
    const offset = written + pendingBytes;
    pending.push(body);
    pendingBytes += body.length;
    if (pendingBytes >= WRITE_BYTES) await flush();
    return offset;
  }

  return { append, flush };
}

function namespaceOf(path: string): string {
  return /\/namespaces\/([^/]+)\//.exec(path)?.[1] ?? "";
}

function spoolError(error: unknown, key: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  const message = `no space for the temporary copy of ${key}: make room in the temporary folder, or name another by TMPDIR`;
  return new CodedError("StoreFull", { location: "temporary folder" }, message, { cause: error });
}
