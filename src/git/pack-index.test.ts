import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { objectId } from "./object-id.ts";
import { writePackIndex } from "./pack-index.ts";
import { openPack } from "./pack-reader.ts";
import { writePack } from "./pack-writer.ts";
import type { NewObject } from "./tree-edit.ts";

const blob = (text: string): NewObject => {
  const bytes = Buffer.from(text);
  return { type: "blob", oid: objectId("blob", bytes), bytes, replaces: undefined };
};

describe("packs", () => {
  let folder = "";
  let made = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-pack-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function indexed(pack: Buffer): Promise<string> {
    const base = join(folder, `${++made}`);
    await writeFile(`${base}.pack`, pack);
    await writePackIndex(`${base}.pack`, `${base}.idx`);
    return base;
  }

  it("give back every object that was put in, by its name", async () => {
    const objects = [blob(""), blob("a"), ...Array.from({ length: 300 }, (_, i) => blob(`${i} `.repeat(i)))];

    const pack = await openPack(await indexed(await writePack(objects, async () => undefined, true)));

    for (const { oid, bytes } of objects) {
      const at = pack.find(oid) ?? -1;
      expect(await pack.readAt(at, async () => undefined)).toEqual({ type: "blob", bytes });
      expect(await pack.sizeAt(at)).toBe(bytes.length);
    }
    expect(pack.find("f".repeat(40))).toBeUndefined();
    await pack.close();
  });

  it("hold a difference to another object in the pack", async () => {
    const base = blob("a line that stays\n".repeat(50));
    const next = { ...blob(`${base.bytes}and a new one\n`), replaces: base.oid };
    const pack = await writePack([base, next], async () => ({ type: "blob", bytes: base.bytes }), true);

    const reader = await openPack(await indexed(pack));

    expect(pack.length).toBeLessThan((await writePack([base, blob("x")], async () => undefined, true)).length + 60);
    expect((await reader.readAt(reader.find(next.oid) ?? -1, async () => undefined)).bytes).toEqual(next.bytes);
    expect(await reader.sizeAt(reader.find(next.oid) ?? -1)).toBe(next.bytes.length);
    await reader.close();
  });

  it("are refused when they are damaged, cut or lie about themselves, and never hang", async () => {
    const pack = await writePack([blob("one"), blob("two".repeat(100))], async () => undefined, true);
    const reseal = (bytes: Buffer) => {
      const content = bytes.subarray(0, bytes.length - 20);
      return Buffer.concat([content, createHash("sha1").update(content).digest()]);
    };
    const claim = (count: number) => {
      const lying = Buffer.from(pack);
      lying.writeUInt32BE(count, 8);
      return reseal(lying);
    };

    for (const bad of [claim(3), claim(1), claim(0xffffffff), Buffer.from("not a pack at all, but long enough")]) {
      await expect(indexed(bad)).rejects.toThrow();
    }
    for (let at = 12; at < pack.length - 20; at++) {
      const damaged = Buffer.from(pack);
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      // Either it is refused, or its objects carry other names: a name is made over the bytes.
      const base = await indexed(reseal(damaged)).catch(() => undefined);
      if (base === undefined) continue;
      const reader = await openPack(base);
      expect(reader.find(blob("one").oid) === undefined || reader.find(blob("two".repeat(100)).oid) === undefined).toBe(
        true,
      );
      await reader.close();
    }
  });
});
