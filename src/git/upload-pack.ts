import { createHash, type Hash } from "node:crypto";
import { open } from "node:fs/promises";
import { CodedError } from "../errors.ts";
import { readAdvertisement, textOf, translate } from "./advertisement.ts";
import { FLUSH, type PktLine, ProtocolError, pktLine, readPktLines, readSideBands } from "./pkt-line.ts";
import { missingRef } from "./server-refs.ts";
import type { Wire } from "./wire.ts";

/** What to ask for, and what the clone has. */
export interface PackRequest {
  /** A ref to follow to where it stands now, or one commit of its history. */
  readonly want: { readonly ref: string } | { readonly oid: string };
  readonly have: readonly string[];
  /** Commits whose parents the clone lacks. */
  readonly shallow: ReadonlySet<string>;
  /** So many commits of history; undefined: all that is missing. */
  readonly depth: number | undefined;
  /** Objects to leave out, where the remote can (`blob:none`). */
  readonly filter: string | undefined;
}

export interface PackAnswer {
  /** The commit that was wanted. */
  readonly head: string;
  /** The clone's shallow commits after this pack. */
  readonly shallow: ReadonlySet<string>;
  /** False when nothing was missing; then no file was written. */
  readonly hasObjects: boolean;
  readonly sizeBytes: number;
}

const EMPTY_PACK_BYTES = 32;

/**
 * Downloads one pack into `file`, streamed, and checks its trailing SHA-1. isomorphic-git's fetch is not used: it fails
 * where HEAD names no branch, holds several copies of the pack, and leaves refs to objects that never came.
 * @throws {GitUnreachable} when the pack is cut or damaged
 * @throws {GitEmpty | GitBranchMissing} when the wanted ref is not there
 */
export async function downloadPack(wire: Wire, request: PackRequest, file: string): Promise<PackAnswer> {
  const { capabilities, refs } = await readAdvertisement(wire, "git-upload-pack");
  const head = "oid" in request.want ? request.want.oid : refs.get(request.want.ref);
  if (head === undefined) throw missingRef(wire.url, "ref" in request.want ? request.want.ref : "", [...refs.keys()]);
  const answer = await wire.request({
    method: "POST",
    url: `${wire.url}/git-upload-pack`,
    headers: {
      "content-type": "application/x-git-upload-pack-request",
      accept: "application/x-git-upload-pack-result",
    },
    body: [requestBody(head, request, capabilities, wire.url)],
  });
  return await translate(wire.url, async () => {
    const shallow = new Set(request.shallow);
    const lines = readPktLines(answer.body);
    const first = await readHead(lines, shallow);
    const sizeBytes = await savePack(
      readSideBands(prepend(first, lines), () => {}),
      file,
    );
    return { head, shallow, hasObjects: sizeBytes > EMPTY_PACK_BYTES, sizeBytes };
  });
}

function requestBody(head: string, request: PackRequest, capabilities: ReadonlySet<string>, url: string): Buffer {
  const wanted = ["multi_ack_detailed", "side-band-64k", "ofs-delta", "no-progress"];
  if (request.depth !== undefined || request.shallow.size > 0) wanted.push("shallow");
  const filter = capabilities.has("filter") ? request.filter : undefined;
  if (filter !== undefined) wanted.push("filter");
  for (const needed of ["side-band-64k", "shallow"]) {
    if (!wanted.includes(needed) || capabilities.has(needed)) continue;
    throw new CodedError("GitUnreachable", { url }, `${url} is too old a Git server: it lacks ${needed}`);
  }
  const used = wanted.filter((word) => capabilities.has(word));
  const parts = [pktLine(`want ${head} ${used.join(" ")} agent=holdfast\n`)];
  for (const oid of request.shallow) parts.push(pktLine(`shallow ${oid}\n`));
  if (request.depth !== undefined) parts.push(pktLine(`deepen ${request.depth}\n`));
  if (filter !== undefined) parts.push(pktLine(`filter ${filter}\n`));
  parts.push(FLUSH);
  for (const oid of request.have) parts.push(pktLine(`have ${oid}\n`));
  parts.push(pktLine("done\n"));
  return Buffer.concat(parts);
}

/** Reads shallow lines and acknowledgements up to the first line of the side bands, which it returns. */
async function readHead(lines: AsyncGenerator<PktLine>, shallow: Set<string>): Promise<PktLine> {
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done) throw new ProtocolError("the answer ended before its pack");
    if (line.type === "line" && (line.payload[0] ?? 0) <= 3) return line;
    const [word, oid] = (textOf(line) ?? "").split(" ");
    if (oid === undefined) continue;
    if (word === "shallow") shallow.add(oid);
    if (word === "unshallow") shallow.delete(oid);
  }
}

async function* prepend(first: PktLine, rest: AsyncIterable<PktLine>): AsyncGenerator<PktLine, void, void> {
  yield first;
  yield* rest;
}

async function savePack(content: AsyncIterable<Buffer>, file: string): Promise<number> {
  const hash = createHash("sha1");
  let size = 0;
  let tail: Buffer = Buffer.alloc(0);
  const handle = await open(file, "w");
  try {
    for await (const chunk of content) {
      await handle.writeFile(chunk);
      size += chunk.length;
      tail = hashAllButTail(hash, Buffer.concat([tail, chunk]));
    }
    if (size < EMPTY_PACK_BYTES || hash.digest().compare(tail) !== 0) {
      throw new ProtocolError("the pack was cut or damaged on its way");
    }
    return size;
  } finally {
    await handle.close();
  }
}

/** The last 20 bytes are the checksum and are not part of what it is made over. */
function hashAllButTail(hash: Hash, bytes: Buffer): Buffer {
  const end = Math.max(0, bytes.length - 20);
  hash.update(bytes.subarray(0, end));
  return bytes.subarray(end);
}
