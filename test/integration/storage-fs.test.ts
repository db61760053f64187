import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsStore } from "../../src/storage/fs-store.ts";
import { probeConditionalWrites } from "../../src/storage/probe.ts";

const run = promisify(execFile);

describe("a filesystem location", () => {
  let folder: string;
  let root: string;
  let store: FsStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-fs-"));
    root = join(folder, "root");
    await mkdir(root);
    store = new FsStore(root);
  });
  afterEach(async () => await rm(folder, { recursive: true }));

  it("names a folder that is not there, whatever is asked of it", async () => {
    const missing = new FsStore(join(folder, "not-mounted"));
    const code = { code: "StoreBucketMissing" };

    await expect(missing.put("backups/a/f", Buffer.from("x"))).rejects.toMatchObject(code);
    await expect(missing.get("backups/a/f")).rejects.toMatchObject(code);
    await expect(missing.head("backups/a/f")).rejects.toMatchObject(code);
    await expect(missing.listPrefixes("backups/")).rejects.toMatchObject(code);
    expect(await readdir(folder)).toEqual(["root"]);
  });

  it.each(["../outside", "backups/../../outside", "/etc/passwd", "backups//f", "backups/./f", "backups/a\0b", ""])(
    "takes no key that could lead out of it: %j",
    async (key) => {
      await writeFile(join(folder, "outside"), "untouched");

      await expect(store.put(key, Buffer.from("x"))).rejects.toMatchObject({ code: "InvalidSpec" });
      await expect(store.get(key)).rejects.toMatchObject({ code: "InvalidSpec" });
      await expect(store.delete(key)).rejects.toMatchObject({ code: "InvalidSpec" });
    },
  );

  it("follows no link out of itself", async () => {
    await mkdir(join(folder, "elsewhere"));
    await writeFile(join(folder, "elsewhere", "secret"), "secret");
    await symlink(join(folder, "elsewhere"), join(root, "backups"));
    await symlink(join(folder, "elsewhere", "secret"), join(root, "link"));

    await expect(store.get("backups/secret")).rejects.toMatchObject({ code: "InvalidSpec" });
    await expect(store.put("backups/new", Buffer.from("x"))).rejects.toMatchObject({ code: "InvalidSpec" });
    await expect(store.get("link")).rejects.toMatchObject({ code: "StoreUnreachable" });
    expect(await readdir(join(folder, "elsewhere"))).toEqual(["secret"]);
    expect(await store.listPrefixes("")).toEqual([]);
  });

  it("clears away what a killed process was writing, for one key", async () => {
    await store.put("backups/a/f", Buffer.from("x"));
    const script = `
      import { Readable } from "node:stream";
      import { FsStore } from ${JSON.stringify(join(import.meta.dirname, "../../src/storage/fs-store.ts"))};
      const body = Readable.from((async function* () { yield Buffer.alloc(100_000); process.kill(process.pid, "SIGKILL"); yield Buffer.alloc(1); })());
      await new FsStore(${JSON.stringify(root)}).put("backups/a/g", body);
    `;
    await expect(run(process.execPath, ["--input-type=module", "-e", script])).rejects.toMatchObject({
      signal: "SIGKILL",
    });
    expect(await readdir(join(root, "backups/a"))).toHaveLength(2);

    expect(await store.head("backups/a/g")).toBeUndefined();
    expect(await store.abortUploads("backups/a/f")).toBe(0);
    expect(await store.abortUploads("backups/a/g")).toBe(1);

    expect(await readdir(join(root, "backups/a"))).toEqual(["f"]);
  });

  it("has conditional writes, by link", async () => {
    expect(await probeConditionalWrites(store)).toEqual({ supported: true });
    expect(await readdir(root)).toEqual([]);
  });
});
