import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openBackup } from "./backup-reader.ts";
import { listBackups } from "./list-backups.ts";
import { MemoryStore } from "./memory-store.ts";

const root = new URL("../../test/testdata/velero/", import.meta.url).pathname;
const scenarios = readdirSync(root).filter((name) => existsSync(join(root, name, "backup", "velero-backup.json")));

describe.each(scenarios)("the recorded Velero backup %s", (scenario) => {
  const folder = join(root, scenario, "backup");

  it("is listed, and its archive holds what Velero said it stored", async () => {
    const { store, name } = await loadFolder(folder);

    const listed: unknown[] = [];
    for await (const each of listBackups(store)) listed.push([each.name, each.manifestSha256]);
    expect(listed).toEqual([[name, undefined]]);

    const reader = await openBackup(store, name);
    const found: string[] = [];
    for (const resource of await reader.resources()) {
      for await (const { row, body } of reader.readMany(reader.rows(resource))) {
        found.push(
          `resources/${resource}/${row.namespace === "" ? "cluster" : `namespaces/${row.namespace}`}/${row.name}.json`,
        );
        expect(JSON.parse(body.toString()).metadata.name).toBe(row.name);
        expect(await reader.row(resource, row)).toEqual(row);
      }
    }
    expect(found.sort()).toEqual(recordedEntries(join(root, scenario)).sort());
    expect(await reader.problems()).toEqual([]);
    await reader.close();
    await reader.close();
  });
});

/** `tarEntries` of the recording, classic paths only. */
function recordedEntries(scenario: string): string[] {
  const results = JSON.parse(readFileSync(join(scenario, "results.json"), "utf8"));
  const entries: string[] = results.backup.tarEntries;
  return entries.filter((path) => /^resources\/[^/]+\/(cluster|namespaces)\//.test(path));
}

async function loadFolder(folder: string): Promise<{ store: MemoryStore; name: string }> {
  const store = new MemoryStore();
  const files = readdirSync(folder);
  const name = files.find((file) => file.endsWith(".tar.gz"))?.slice(0, -".tar.gz".length) ?? "";
  for (const file of files) await store.put(`backups/${name}/${file}`, readFileSync(join(folder, file)));
  return { store, name };
}
