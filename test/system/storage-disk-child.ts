/** Runs in a mount namespace of its own, where `argv[2]` is a disk of 4 MiB; prints what the store did, as JSON. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { Readable } from "node:stream";
import { CodedError } from "../../src/errors.ts";
import { FsStore } from "../../src/storage/fs-store.ts";
import { readAll } from "../../src/storage/streams.ts";

const root = process.argv[2] ?? "";
const store = new FsStore(root);

async function outcome(action: Promise<unknown>): Promise<string> {
  return await action.then(
    () => "done",
    (error: unknown) => (error instanceof CodedError ? `${error.code}: ${error.message}` : `uncoded: ${String(error)}`),
  );
}

await store.put("backups/a/small", Buffer.from("kept"));
const full = {
  bytes: await outcome(store.put("backups/a/large", Buffer.alloc(6 * 1024 * 1024, 1))),
  stream: await outcome(
    store.put("backups/b/large", Readable.from([Buffer.alloc(3_000_000), Buffer.alloc(3_000_000)]), { ifAbsent: true }),
  ),
  left: readdirSync(root, { recursive: true }).map(String).sort(),
  kept: (await readAll(await store.get("backups/a/small"))).toString(),
};
execFileSync("mount", ["-o", "remount,ro", root]);
const readOnly = {
  put: await outcome(store.put("backups/a/more", Buffer.from("x"), { ifAbsent: true })),
  delete: await outcome(store.delete("backups/a/small")),
  get: (await readAll(await store.get("backups/a/small"))).toString(),
};
process.stdout.write(JSON.stringify({ full, readOnly }));
