import { promisify } from "node:util";
import { gzip as gzipCallback } from "node:zlib";
import { createBareClient, inParallel } from "../bare-client.ts";
import { type Job, stopwatch, type Work } from "../job.ts";

const PAGE = 500;
const MEMBER_BYTES = 1024 * 1024;
/** Compressions under way: enough to keep the pool busy, few enough to keep memory flat. */
const MOST_MEMBERS = 8;

const gzip = promisify(gzipCallback);

interface Served {
  readonly path: string;
}

/**
 * The limit of a backup or a plan: every page of every listable resource, each page's bytes through `zlib.gzip` level 6
 * in pieces of 1 MiB on libuv's pool, pipelined with the LISTs. Nothing is parsed but the continue token.
 */
export async function run(job: Job): Promise<Work> {
  const client = createBareClient(job.connection);
  const resources = await listable((path) => client.send("GET", path));
  const members = createMembers(job.gzip === true);
  let bytes = 0;
  let requests = 0;

  async function listAll({ path }: Served): Promise<void> {
    for (let token = ""; ; ) {
      const chunks = await client.send("GET", `${path}?limit=${PAGE}${token === "" ? "" : `&continue=${token}`}`);
      requests++;
      token = continueToken(chunks);
      for (const chunk of chunks) {
        bytes += chunk.length;
        await members.add(chunk);
      }
      if (token === "") return;
    }
  }

  const stop = stopwatch();
  await inParallel(resources, job.width ?? 4, listAll);
  await members.end();
  const taken = stop();
  client.close();
  return { ...taken, bytes, requests };
}

/** Built-in kinds have the List's metadata in front, custom resources at the end. */
function continueToken(chunks: readonly Buffer[]): string {
  const head = Buffer.concat(chunks.slice(0, 2)).toString("latin1", 0, 4_096);
  const tail = Buffer.concat(chunks.slice(-2)).subarray(-4_096).toString("latin1");
  const list = /^\{"kind":"\w+","apiVersion":"[^"]+","metadata":\{[^{}]*"continue":"([^"]*)"/.exec(head);
  return list?.[1] ?? /"metadata":\{"continue":"([^"]*)"[^{}]*\}\}\s*$/.exec(tail)?.[1] ?? "";
}

function createMembers(isOn: boolean): { add(chunk: Buffer): Promise<void>; end(): Promise<void> } {
  let pending: Buffer[] = [];
  let length = 0;
  const underWay = new Set<Promise<unknown>>();
  const flush = async (): Promise<void> => {
    const member = gzip(Buffer.concat(pending), { level: 6 }).finally(() => underWay.delete(member));
    underWay.add(member);
    pending = [];
    length = 0;
    if (underWay.size >= MOST_MEMBERS) await Promise.race(underWay);
  };
  return {
    async add(chunk) {
      if (!isOn) return;
      pending.push(chunk);
      length += chunk.length;
      if (length >= MEMBER_BYTES) await flush();
    },
    async end() {
      if (length > 0) await flush();
      await Promise.all(underWay);
    },
  };
}

/** The preferred version of every resource that Velero's rule would list: list, create, get, delete. */
export async function listable(get: (path: string) => Promise<Buffer[]>): Promise<Served[]> {
  const read = async (path: string): Promise<Record<string, unknown>> =>
    JSON.parse(Buffer.concat(await get(path)).toString()) as Record<string, unknown>;
  const groups = (await read("/apis")).groups as { preferredVersion: { groupVersion: string } }[];
  const roots = ["/api/v1", ...groups.map((group) => `/apis/${group.preferredVersion.groupVersion}`)];
  const served: Served[] = [];
  for (const root of roots) {
    const resources = (await read(root)).resources as { name: string; verbs: string[] }[];
    for (const { name, verbs } of resources) {
      if (!name.includes("/") && ["list", "create", "get", "delete"].every((verb) => verbs.includes(verb)))
        served.push({ path: `${root}/${name}` });
    }
  }
  return served;
}
