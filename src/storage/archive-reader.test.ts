import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { describe, expect, it } from "vitest";
import { isCoded } from "../errors.ts";
import { type ReadArchiveOptions, readArchive } from "./archive-reader.ts";
import { createArchiveWriter } from "./archive-writer.ts";
import { MemoryStore } from "./memory-store.ts";
import { readAll } from "./streams.ts";
import { createTarHeaderWriter, entryLength, paddedLength } from "./tar-header.ts";
import { configMap, entryOf } from "./testing.ts";

const KEY = "backups/b/b.tar.gz";
const END = Buffer.alloc(1024);
const headers = createTarHeaderWriter(0);

/** One tar entry; `change` alters its header before the checksum is set right again. */
function entry(path: string, body: string | Buffer, change?: (header: Buffer) => void): Buffer {
  const bytes = Buffer.from(body);
  const target = Buffer.alloc(entryLength(path, bytes.length));
  const start = headers.write(target, 0, path, bytes.length);
  bytes.copy(target, start);
  if (change !== undefined) {
    change(target.subarray(start - 512, start));
    fixChecksum(target.subarray(start - 512, start));
  }
  return target;
}

function fixChecksum(header: Buffer): void {
  header.write("        ", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
}

function object(name: string, namespace = "ns", apiVersion = "v1"): string {
  return JSON.stringify({ apiVersion, kind: "ConfigMap", metadata: { name, namespace } });
}

function path(name: string, namespace = "ns"): string {
  return `resources/configmaps/namespaces/${namespace}/${name}.json`;
}

const good = entry(path("a"), object("a"));
const extended = (type: string, body: string | Buffer): Buffer =>
  entry("ext", body, (header) => header.write(type, 156));
const pax = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const length = [1, 2, 3, 4, 5, 6]
    .map((digits) => rest.length + digits)
    .find((total) => String(total).length === total - rest.length);
  return `${length}${rest}`;
};
const tarGz = (...parts: Buffer[]): Buffer => gzipSync(Buffer.concat(parts));
const ofType = (type: string): Buffer =>
  tarGz(
    entry(path("link"), "", (header) => void header.write(type, 156)),
    END,
  );

/** Three members as we write them, and the digest of the whole. */
async function ours(): Promise<{
  archive: Buffer;
  members: Buffer[];
  expected: { sizeBytes: number; sha256: string };
}> {
  const writer = createArchiveWriter({ modifiedMs: 0, memberBytes: 8_192 });
  const bytes = readAll(writer.readable);
  for (let i = 0; i < 12; i++) await writer.add(entryOf(configMap("ns", `cm-${i}`, 3_000)));
  const { sizeBytes, sha256 } = await writer.finish();
  const archive = await bytes;
  const starts = [...archive.keys()].filter(
    (at) => archive.readUInt32BE(Math.min(at, archive.length - 4)) === 0x1f8b0800,
  );
  const members = starts.map((start, i) => archive.subarray(start, starts[i + 1] ?? archive.length));
  return { archive, members, expected: { sizeBytes, sha256 } };
}

async function read(archive: Buffer, options: ReadArchiveOptions = {}): Promise<string[]> {
  const store = new MemoryStore();
  await store.put(KEY, archive);
  const names: string[] = [];
  for await (const { resource, namespace, name } of readArchive(store, KEY, options))
    names.push(`${resource}/${namespace}/${name}`);
  return names;
}

async function refusal(archive: Buffer, options: ReadArchiveOptions = {}): Promise<{ code: string; message: string }> {
  const error = await read(archive, options).then(
    (names) => `read ${names.length} objects without an error`,
    (thrown: unknown) => thrown,
  );
  if (
    isCoded(error, "ArchiveTruncated") ||
    isCoded(error, "ArchiveInvalid") ||
    isCoded(error, "ArchiveUnsafe") ||
    isCoded(error, "DigestMismatch")
  ) {
    return { code: error.code, message: error.message };
  }
  throw error;
}

describe("an archive that is whole", () => {
  it.each<[string, Buffer[]]>([
    ["with nothing but objects", [good, END]],
    ["padded with further zero blocks", [good, END, Buffer.alloc(8_192)]],
    ["with folders", [entry("resources/", "", (header) => void header.write("5", 156)), good, END]],
    ["with a GNU long name", [extended("L", `${path("a")}\0`), entry("short", object("a")), END]],
    ["with a global PAX comment, as git archive writes", [extended("g", pax("comment", "abc")), good, END]],
    ["with a PAX path", [extended("x", pax("path", path("a"))), entry("short", object("a")), END]],
    ["with files that are no objects beside resources/", [entry("metadata/version", "1.1.0\n"), good, END]],
  ])("is read %s", async (_what, parts) => {
    expect(await read(tarGz(...parts))).toEqual(["configmaps/ns/a"]);
  });

  it("is read as tar-stream writes it, long and odd names included", async () => {
    const names = ["n".repeat(253), "ünï-日本", "system:controller:a b", "tab\there"];
    const packed = pack();
    for (const name of names) packed.entry({ name: path(name) }, object(name));
    packed.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of packed) chunks.push(chunk as Buffer);

    expect(await read(tarGz(...chunks))).toEqual(names.map((name) => `configmaps/ns/${name}`));
  });

  it("gives its version folders apart from the classic path", async () => {
    const store = new MemoryStore();
    const copy = path("a").replace("/namespaces/", "/v1-preferredversion/namespaces/");
    await store.put(KEY, tarGz(good, entry(copy, object("a")), END));

    const folders: string[] = [];
    for await (const { versionFolder } of readArchive(store, KEY)) folders.push(versionFolder);

    expect(folders).toEqual(["", "v1-preferredversion"]);
  });
});

describe("a damaged archive of ours", () => {
  it.each<[string, (members: Buffer[]) => Buffer[], string, RegExp]>([
    ["cut in the middle of a member", (m) => [Buffer.concat(m).subarray(0, -40)], "ArchiveTruncated", /cut short/],
    ["cut at a member boundary", (m) => m.slice(0, -2), "ArchiveTruncated", /cut short/],
    ["without its last member", (m) => m.slice(0, -1), "ArchiveTruncated", /cut short/],
    [
      "with a zeroed member",
      (m) => m.map((each, i) => (i === 2 ? Buffer.alloc(each.length) : each)),
      "ArchiveInvalid",
      /is not gzip/,
    ],
    [
      "with two members swapped",
      ([a, b, c, ...rest]) => [a, c, b, ...rest] as Buffer[],
      "DigestMismatch",
      /not the file/,
    ],
    ["with a member left out", (m) => m.filter((_, i) => i !== 2), "ArchiveTruncated", /cut short/],
    [
      "with bytes flipped in a member",
      (m) => m.map((each, i) => (i === 2 ? flipped(each) : each)),
      "ArchiveInvalid",
      /gzip/,
    ],
    ["with bytes behind its end", (m) => [...m, Buffer.from("extra")], "ArchiveInvalid", /gzip/],
    ["with a whole member behind its end", (m) => [...m, gzipSync(END)], "DigestMismatch", /not the file/],
  ])("%s is refused", async (_what, damage, code, message) => {
    const { members, expected } = await ours();
    expect(members.length).toBeGreaterThan(4);

    const found = await refusal(Buffer.concat(damage(members)), { expected });

    expect(found).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each<[string, (members: Buffer[]) => Buffer[], string]>([
    ["cut at a member boundary", (m) => m.slice(0, -1), "ArchiveTruncated"],
    ["with a zeroed member", (m) => m.map((each, i) => (i === 2 ? Buffer.alloc(each.length) : each)), "ArchiveInvalid"],
    ["with flipped bytes", (m) => m.map((each, i) => (i === 2 ? flipped(each) : each)), "ArchiveInvalid"],
  ])("%s is refused without a digest to compare, too", async (_what, damage, code) => {
    expect(await refusal(Buffer.concat(damage((await ours()).members)))).toMatchObject({ code });
  });

  it("is accepted when nothing is damaged", async () => {
    const { archive, expected } = await ours();

    expect(createHash("sha256").update(archive).digest("hex")).toBe(expected.sha256);
    expect(await read(archive, { expected })).toHaveLength(12);
  });
});

describe("a hostile or broken archive", () => {
  const bomb = Buffer.alloc(40 * 1024 * 1024, " ");
  const small = { limits: { entries: 100, totalBytes: 200_000 } };
  it.each<[string, () => Buffer, string, RegExp, ReadArchiveOptions?]>([
    ["that is no gzip", () => Buffer.from("plain text, not gzip"), "ArchiveInvalid", /gzip/],
    ["that is empty", () => Buffer.alloc(0), "ArchiveTruncated", /cut short/],
    ["that holds no tar", () => gzipSync(Buffer.alloc(2048, "x")), "ArchiveInvalid", /checksum/],
    ["with a wrong header checksum", () => tarGz(flipped(good, 10), END), "ArchiveInvalid", /checksum/],
    ["without end blocks", () => tarGz(good), "ArchiveTruncated", /two zero blocks/],
    ["with one end block", () => tarGz(good, Buffer.alloc(512)), "ArchiveTruncated", /two zero blocks/],
    [
      "that ends inside an entry",
      () => tarGz(entry(path("b"), "x".repeat(2_000)).subarray(0, 1_024)),
      "ArchiveTruncated",
      /middle of an entry/,
    ],
    [
      "with entries after its end",
      () => tarGz(good, END, entry(path("b"), object("b")), END),
      "ArchiveInvalid",
      /after a zero block/,
    ],
    ["with a symbolic link", () => ofType("2"), "ArchiveUnsafe", /symbolic link/],
    ["with a hard link", () => ofType("1"), "ArchiveUnsafe", /hard link/],
    ["with a character device", () => ofType("3"), "ArchiveUnsafe", /character device/],
    ["with a block device", () => ofType("4"), "ArchiveUnsafe", /block device/],
    ["with a FIFO", () => ofType("6"), "ArchiveUnsafe", /FIFO/],
    ["with a GNU sparse file", () => ofType("S"), "ArchiveUnsafe", /sparse/],
    [
      "with a PAX sparse file",
      () => tarGz(extended("x", pax("GNU.sparse.major", "1")), good, END),
      "ArchiveUnsafe",
      /sparse/,
    ],
    ["with an unknown type", () => ofType("Z"), "ArchiveUnsafe", /type "Z"/],
    ["that leads upwards", () => tarGz(entry("resources/../../etc/x.json", "{}"), END), "ArchiveUnsafe", /leads out/],
    [
      "that leads upwards by PAX",
      () => tarGz(extended("x", pax("path", "../x.json")), good, END),
      "ArchiveUnsafe",
      /leads out/,
    ],
    ["with an absolute path", () => tarGz(entry("/etc/passwd", "{}"), END), "ArchiveUnsafe", /absolute/],
    ["with an empty path part", () => tarGz(entry("resources//x.json", "{}"), END), "ArchiveUnsafe", /empty part/],
    ["with a dot in its path", () => tarGz(entry("./resources/x.json", "{}"), END), "ArchiveUnsafe", /dot/],
    ["with one path twice", () => tarGz(good, good, END), "ArchiveUnsafe", /twice/],
    [
      "with a PAX header of a megabyte",
      () => tarGz(extended("x", pax("path", "x".repeat(1_000_000))), good, END),
      "ArchiveUnsafe",
      /extended headers/,
    ],
    [
      "with a PAX header for every block",
      () => tarGz(...Array.from({ length: 50 }, () => extended("x", pax("mtime", "1"))), good, END),
      "ArchiveUnsafe",
      /extended headers/,
    ],
    [
      "with a PAX header that lies about its length",
      () => tarGz(extended("x", "99 path=x\n"), good, END),
      "ArchiveInvalid",
      /PAX/,
    ],
    [
      "with a PAX header that changes a size",
      () => tarGz(extended("x", pax("size", "0")), good, END),
      "ArchiveUnsafe",
      /size/,
    ],
    [
      "with a PAX path for all entries",
      () => tarGz(extended("g", pax("path", path("b"))), good, END),
      "ArchiveUnsafe",
      /global/,
    ],
    ["with a size of eight exabytes", () => tarGz(entry(path("a"), "", hugeSize), END), "ArchiveUnsafe", /larger than/],
    [
      "with a size that is no number",
      () =>
        tarGz(
          entry(path("a"), "", (h) => void h.write("no number!!", 124)),
          END,
        ),
      "ArchiveInvalid",
      /not a number/,
    ],
    ["with an entry of 40 MiB", () => tarGz(entry(path("a"), bomb), END), "ArchiveUnsafe", /larger than/],
    [
      "that inflates a thousandfold",
      () => tarGz(...Array.from({ length: 3 }, (_, i) => entry(path(`b${i}`), object(`b${i}`).padEnd(1_000_000))), END),
      "ArchiveUnsafe",
      /times its size/,
      { limits: { ratioFromBytes: 1_000_000 } },
    ],
    [
      "that inflates beyond the limit",
      () => tarGz(...Array.from({ length: 9 }, (_, i) => entry(path(`b${i}`), object(`b${i}`).padEnd(30_000))), END),
      "ArchiveUnsafe",
      /more than 200000 bytes/,
      small,
    ],
    [
      "with too many tiny entries",
      () => tarGz(...Array.from({ length: 150 }, (_, i) => entry(path(`t${i}`), object(`t${i}`))), END),
      "ArchiveUnsafe",
      /more than 100 entries/,
      small,
    ],
    ["with invalid JSON", () => tarGz(entry(path("a"), '{"apiVersion":'), END), "ArchiveInvalid", /not JSON/],
    ["with JSON that is no object", () => tarGz(entry(path("a"), "[]"), END), "ArchiveInvalid", /no apiVersion/],
    [
      "with another name in the object",
      () => tarGz(entry(path("a"), object("b")), END),
      "ArchiveUnsafe",
      /another object: v1 ConfigMap ns\/b/,
    ],
    [
      "with another namespace in the object",
      () => tarGz(entry(path("a"), object("a", "kube-system")), END),
      "ArchiveUnsafe",
      /another object/,
    ],
    [
      "with another group in the object",
      () => tarGz(entry(path("a"), object("a", "ns", "rbac.authorization.k8s.io/v1")), END),
      "ArchiveUnsafe",
      /another object/,
    ],
    [
      "with a file that is no object among the resources",
      () => tarGz(entry("resources/configmaps/readme.txt", "x"), END),
      "ArchiveInvalid",
      /not that of an object/,
    ],
  ])("%s is refused", async (_what, archive, code, message, options) => {
    expect(await refusal(archive(), options)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("names the archive and the entry", async () => {
    const { message } = await refusal(tarGz(entry(path("a"), object("b")), END));

    expect(message).toContain(KEY);
    expect(message).toContain("resources/configmaps/namespaces/ns/a.json");
  });

  it("is read past files without an object when the caller asks for it", async () => {
    const told: string[] = [];
    const archive = tarGz(entry(path("bad"), "{"), entry("resources/configmaps/readme.txt", "x"), good, END);

    expect(await read(archive, { onUnreadable: (at, why) => told.push(`${at}: ${why}`) })).toEqual(["configmaps/ns/a"]);
    expect(told).toEqual([
      expect.stringContaining("bad.json: it is not JSON"),
      expect.stringContaining("readme.txt: its path"),
    ]);
  });

  it("does not stand in the way of a hundred thousand tiny objects", async () => {
    const count = 100_000;
    const store = new MemoryStore();
    await store.put(KEY, gzipSync(Buffer.concat([...tinyObjects(count), END]), { level: 1 }));

    let read = 0;
    for await (const _each of readArchive(store, KEY)) read += 1;

    expect(read).toBe(count);
  }, 240_000);
});

function flipped(bytes: Buffer, at = Math.floor(bytes.length / 2)): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

function hugeSize(header: Buffer): void {
  header.fill(0, 124, 136);
  header[124] = 0x80;
  header.writeBigUInt64BE(2n ** 62n, 128);
}

function tinyObjects(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = Buffer.from(object(`t${i}`));
    const target = Buffer.alloc(512 + paddedLength(bytes.length));
    bytes.copy(target, headers.write(target, 0, path(`t${i}`), bytes.length));
    return target;
  });
}
