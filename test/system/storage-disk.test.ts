/** Disks that are full or read-only: real ones, mounted in a namespace of their own, which needs root. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const run = promisify(execFile);

describe("a filesystem location", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "holdfast-disk-"));
  });
  afterEach(async () => await rm(root, { recursive: true }));

  it("names a full and a read-only disk, and leaves no litter on either", async () => {
    const child = join(import.meta.dirname, "storage-disk-child.ts");
    const script = 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" "$3" "$1"';
    const namespaces = process.getuid?.() === 0 ? ["--mount"] : ["--map-root-user", "--mount"];

    const { stdout } = await run("unshare", [...namespaces, "sh", "-ec", script, "sh", root, process.execPath, child]);

    expect(JSON.parse(stdout)).toEqual({
      full: {
        bytes: expect.stringMatching(/^StoreFull: .*disk is full/),
        stream: expect.stringMatching(/^StoreFull: .*disk is full/),
        left: ["backups", "backups/a", "backups/a/small"],
        kept: "kept",
      },
      readOnly: {
        put: expect.stringMatching(/^StoreReadOnly: .*not writable/),
        delete: expect.stringMatching(/^StoreReadOnly: .*not writable/),
        get: "kept",
      },
    });
  });
});
