import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsStore } from "./fs-store.ts";
import { putOnce } from "./put-once.ts";

/** In a process of its own: an error that nobody hears ends it. */
const BROKEN_AT_ONCE = `
  import { Readable } from "node:stream";
  import { FsStore } from ${JSON.stringify(new URL("./fs-store.ts", import.meta.url).href)};
  import { putOnce } from ${JSON.stringify(new URL("./put-once.ts", import.meta.url).href)};
  const body = new Readable({ read: () => {} });
  const putting = putOnce(new FsStore(process.argv[1]), "a", body, { conditionalWrites: true, signal: undefined });
  body.destroy(new Error("cancelled"));
  console.log(await putting.catch((error) => error.message));
`;

describe("putOnce of a body that breaks before the store reads it", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-put-once-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("rejects with its error, and does not end the process", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--input-type=module",
      "-e",
      BROKEN_AT_ONCE,
      folder,
    ]);

    expect(stdout).toBe("cancelled\n");
  });

  it("rejects when it is aborted before the body is read", async () => {
    const abort = new AbortController();

    const putting = putOnce(new FsStore(folder), "a", new Readable({ read: () => {} }), {
      conditionalWrites: true,
      signal: abort.signal,
    });
    abort.abort(new Error("cancelled"));

    await expect(putting).rejects.toThrow("cancelled");
  }, 5_000);
});
