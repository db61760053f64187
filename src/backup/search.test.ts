import { describe, expect, it } from "vitest";
import { openBackup } from "../storage/backup-reader.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { type TestItem, writeBackup } from "../storage/testing.ts";
import { searchBackup } from "./search.ts";

const item = (resource: string, kind: string, more: object): TestItem => ({
  resource,
  object: { apiVersion: "v1", kind, metadata: { name: "x", namespace: "ns" }, ...more },
});

const POD = item("pods", "Pod", {
  spec: { containers: [{ name: "c", args: ["--port", "1"], livenessProbe: { httpGet: { path: "/healthz" } } }] },
});
const CONFIG = item("configmaps", "ConfigMap", {
  data: { managedFields: "of a team", text: "first line\nneedle here" },
});
const SECRET = item("secrets", "Secret", { data: { password: Buffer.from("hunter2").toString("base64") } });

async function hits(text: string, secrets = false): Promise<[path: string, value: string, at: number][]> {
  const store = new MemoryStore();
  await writeBackup(store, [POD, CONFIG, SECRET]);
  const reader = await openBackup(store, "backup");
  const found: [string, string, number][] = [];
  for await (const { path, value, at } of searchBackup(reader, (each) => each.indexOf(text), { secrets }))
    found.push([path, value, at]);
  await reader.close();
  return found;
}

describe("a search", () => {
  it.each<[string, [string, string, number][]]>([
    ["needle", [["/data/text", "first line\nneedle here", 11]]],
    ["of a team", [["/data/managedFields", "of a team", 0]]],
    ["httpGet", [["/spec/containers/0/livenessProbe/httpGet", '{"path":"/healthz"}', 0]]],
    ["1", [["/spec/containers/0/args/1", "1", 0]]],
    ["hunter2", []],
  ])("for %j finds every key and value, and no place in a list", async (text, expected) => {
    expect((await hits(text)).filter(([path]) => path !== "/apiVersion")).toEqual(expected);
  });

  it("reads the values of Secrets only when told to, decoded", async () => {
    expect(await hits("hunter2", true)).toEqual([["/data/password", "hunter2", 0]]);
  });
});
