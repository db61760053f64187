/**
 * The disposable clone of one branch. It is shallow at first, grows by what is fetched and committed, and is fetched
 * anew when it has grown too much or a fetch failed. A new clone replaces the old one only when its head reads, so
 * that reads go on while a remote is down.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../errors.ts";
import { parseCommit } from "./commit-object.ts";
import { isDamage, naming } from "./disk-errors.ts";
import { fetchPack } from "./fetch-pack.ts";
import { createObjectDatabase, type ObjectDatabase } from "./object-database.ts";
import type { Revision } from "./remote.ts";
import { readExisting } from "./tree.ts";
import type { Wire } from "./wire.ts";

/** When a clone has grown enough to be fetched anew. */
export const MAX_PACKS = 50;
export const MAX_LOOSE_OBJECTS = 5_000;

export interface Clone {
  readonly head: Revision;
  readonly objects: ObjectDatabase;
}

export interface BranchClone {
  /** The head that was fetched or committed last; undefined before the first fetch, or when that clone is not trusted. */
  readonly head: Revision | undefined;
  /** Runs something on the clone as it stands; it stays on disk until that has ended. Undefined without a clone. */
  use<T>(run: (clone: Clone) => Promise<T>): Promise<T> | undefined;
  /** Brings the clone to where the ref stands now. */
  fetch(wire: Wire): Promise<Revision>;
  /** Brings the head of another ref into the clone, beside its own; its history stays away. */
  fetchBeside(wire: Wire, ref: string): Promise<Revision>;
  /** Takes a commit of ours that was pushed for the new head, with its new objects. */
  advance(revision: Revision, store: (objects: ObjectDatabase) => Promise<void>): Promise<void>;
  /** Forgets the head, since the branch is gone from the remote; what was fetched can still be read. */
  distrust(): void;
  close(): Promise<void>;
}

interface Generation {
  readonly objects: ObjectDatabase;
  head: Revision;
  shallow: ReadonlySet<string>;
  suspect: boolean;
  users: number;
  retired: boolean;
}

/** Makes the (still empty) clone of one ref below `folder`. */
export function createBranchClone(folder: string, ref: string): BranchClone {
  let current: Generation | undefined;
  let made = 0;

  const fresh = async (): Promise<ObjectDatabase> => {
    made += 1;
    const gitdir = join(folder, `clone-${made}`);
    await mkdir(gitdir, { recursive: true });
    return await createObjectDatabase(gitdir);
  };

  const replaceBy = async (next: Generation): Promise<void> => {
    const old = current;
    current = next;
    if (old !== undefined) await retire(old);
  };

  return {
    get head() {
      return current === undefined || current.suspect ? undefined : current.head;
    },
    use: (run) => (current === undefined ? undefined : useGeneration(current, run)),
    fetch: (wire) =>
      naming(folder, async () => {
        if (current !== undefined && isWorthKeeping(current)) return await growGeneration(current, wire, ref);
        const next = await firstGeneration(await fresh(), wire, ref);
        await replaceBy(next);
        return next.head;
      }),
    fetchBeside: (wire, other) =>
      naming(folder, async () => {
        if (current === undefined) throw new TypeError("nothing is fetched yet");
        return await besideGeneration(current, wire, other);
      }),
    advance: async (revision, store) => {
      const objects = current?.objects ?? (await fresh());
      current ??= { objects, head: revision, shallow: new Set(), suspect: false, users: 0, retired: false };
      current.head = revision;
      try {
        await store(objects);
      } catch {
        // The commit is on the remote; only this copy of it failed, and the next fetch brings it.
        current.suspect = true;
      }
    },
    distrust: () => {
      if (current !== undefined) current.suspect = true;
    },
    close: async () => {
      if (current !== undefined) await retire(current);
      current = undefined;
    },
  };
}

function isWorthKeeping({ suspect, objects }: Generation): boolean {
  return !suspect && objects.packCount < MAX_PACKS && objects.looseCount < MAX_LOOSE_OBJECTS;
}

async function firstGeneration(objects: ObjectDatabase, wire: Wire, ref: string): Promise<Generation> {
  try {
    const none = new Set<string>();
    const request = { want: { ref }, have: [], shallow: none, depth: 1, filter: undefined };
    const { head, shallow } = await fetchPack(objects, wire, request);
    await assertReads(objects, head);
    return { objects, head, shallow, suspect: false, users: 0, retired: false };
  } catch (error) {
    await objects.close();
    throw error;
  }
}

async function growGeneration(generation: Generation, wire: Wire, ref: string): Promise<Revision> {
  const { objects } = generation;
  // Until the new head reads, nothing of this fetch is believed; if it fails, the next one starts anew.
  generation.suspect = true;
  const have = [generation.head];
  const request = { want: { ref }, have, shallow: generation.shallow, depth: undefined, filter: undefined };
  const { head, shallow } = await fetchPack(objects, wire, request);
  await assertReads(objects, head);
  Object.assign(generation, { head, shallow, suspect: false });
  return head;
}

async function besideGeneration(generation: Generation, wire: Wire, ref: string): Promise<Revision> {
  const { objects } = generation;
  generation.suspect = true;
  const have = [generation.head];
  const request = { want: { ref }, have, shallow: generation.shallow, depth: 1, filter: undefined };
  const { head, shallow } = await fetchPack(objects, wire, request);
  await assertReads(objects, head);
  Object.assign(generation, { shallow, suspect: false });
  return head;
}

async function assertReads(objects: ObjectDatabase, head: Revision): Promise<void> {
  const commit = await readExisting(objects.read, head, "commit");
  await readExisting(objects.read, parseCommit(head, commit.bytes).tree, "tree");
}

async function useGeneration<T>(generation: Generation, run: (clone: Clone) => Promise<T>): Promise<T> {
  generation.users += 1;
  try {
    return await run({ head: generation.head, objects: generation.objects });
  } catch (error) {
    if (!isDamage(error)) throw error;
    generation.suspect = true;
    const message = `the local clone is damaged (${error.message}): it will be fetched anew`;
    throw new CodedError("GitRevisionMissing", { revision: generation.head }, message, { cause: error });
  } finally {
    generation.users -= 1;
    if (generation.retired && generation.users === 0) await generation.objects.close();
  }
}

async function retire(generation: Generation): Promise<void> {
  generation.retired = true;
  if (generation.users === 0) await generation.objects.close();
}
