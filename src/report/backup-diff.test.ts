import { describe, expect, it } from "vitest";
import { type DiffEntry, diffEntryText } from "./backup-diff.ts";

const LONG = "x".repeat(300);

const entry: DiffEntry = {
  type: "changed",
  resource: "configmaps",
  kind: "ConfigMap",
  namespace: "shop",
  name: "n".repeat(90),
  changes: [
    { op: "replace", path: "/data/short", before: "red", after: "blue" },
    { op: "replace", path: "/data/text", before: `${LONG} colour: red`, after: `${LONG} colour: blue` },
    { op: "remove", path: "/data/gone", before: "a" },
  ],
};

describe("a difference", () => {
  it("shows where a long value differs, on 80 columns, and the whole name", () => {
    const [head = "", ...fields] = diffEntryText(entry, { width: 80, colours: false }).split("\n");

    expect(head).toBe(`  ~ ConfigMap shop/${entry.name}`);
    expect(fields.filter((line) => line.length > 80)).toEqual([]);
    expect(fields[0]).toBe('      ~ /data/short: "red" → "blue"');
    expect(fields[1]).toBe("      ~ /data/text:");
    expect(fields[2]).toMatch(/^ {10}- ….*colour: red"$/);
    expect(fields[3]).toMatch(/^ {10}\+ ….*colour: blue"$/);
    expect(fields[4]).toBe('      - /data/gone: "a"');
  });

  it("is coloured by what it does", () => {
    const text = diffEntryText({ ...entry, type: "removed", changes: [] }, { width: 80, colours: true });

    expect(text).toBe(`\u001b[31m  - ConfigMap shop/${entry.name}\u001b[0m\n`);
  });
});
