import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** What a restore POSTs, and where. */
export interface PostedBody {
  readonly path: string;
  readonly body: Buffer;
}

/** Reads what `writeBodies` wrote: `path<TAB>body` lines. */
export async function readBodies(file: string): Promise<PostedBody[]> {
  const bodies: PostedBody[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const tab = line.indexOf("\t");
    bodies.push({ path: line.slice(0, tab), body: Buffer.from(line.slice(tab + 1)) });
  }
  return bodies;
}
