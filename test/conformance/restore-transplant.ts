/**
 * A recorded backup as if it had been taken in this cluster: uids, generated names and assigned addresses of the
 * recording are replaced by those that the same objects have here, in the archive and in what was recorded.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { parseJson, stringifyJson } from "../../src/api/json.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { groupResource } from "../../src/api/object.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { backupKeys } from "../../src/storage/layout.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { packArchive } from "../support/velero-folder.ts";

/** The bucket with the one backup, and the texts that were replaced. */
export interface Transplanted {
  readonly store: MemoryStore;
  /** Rewrites any recorded value the same way; a placeholder of an uid that the archive holds is that uid. */
  rewrite<T>(value: T): T;
  /** Results name objects as they were archived: there the placeholder of a live uid is the archived one, too. */
  rewriteResults<T>(value: T): T;
  /** Every archived object, rewritten, by `resource namespace/name`. */
  readonly archived: ReadonlyMap<string, KubeObject>;
  /** False: the recording holds no archive. */
  readonly hasArchive: boolean;
}

interface Entry {
  readonly name: string;
  readonly text: string;
}

/** Reads the recorded bucket folder and rewrites it for this cluster, in which the backed-up objects stand. */
export async function transplant(kube: KubeClient, folder: string, backupName: string): Promise<Transplanted> {
  const store = new MemoryStore();
  const keys = backupKeys(backupName);
  const files = await readdir(join(folder, "backup")).catch(() => []);
  const entries: Entry[] = [];
  for (const file of files) {
    const bytes = await readFile(join(folder, "backup", file));
    if (file.endsWith(".tar.gz")) entries.push(...(await unpack(bytes)));
    else await store.put(`${keys.prefix}${file}`, bytes);
  }
  const replacements = await replacementsFor(
    kube,
    entries.filter(isClassic).map(({ text }) => parseJson(text) as KubeObject),
  );
  const rewriteText = replacer(replacements);
  const rewritten = entries.map(({ name, text }) => ({ name: rewriteText(name), text: rewriteText(text) }));
  if (entries.length > 0) await store.put(keys.archive, await packArchive(rewritten));
  for (const file of files.filter((name) => name.endsWith("volumeinfo.json.gz"))) {
    const text = gunzipSync(await readFile(join(folder, "backup", file))).toString("utf8");
    await store.put(`${keys.prefix}${file}`, gzipSync(rewriteText(text)));
  }
  const archived = new Map(
    rewritten.filter(isClassic).map(({ name, text }) => [keyOfPath(name), parseJson(text) as KubeObject]),
  );
  return {
    store,
    rewrite: (value) =>
      value === undefined
        ? value
        : (parseJson(
            withUids(rewriteText(stringifyJson(value)), archived, /<uid-in-backup:([^<>]+)>/g),
          ) as typeof value),
    rewriteResults: (value) =>
      parseJson(
        withUids(rewriteText(stringifyJson(value)), archived, /<uid(?:-in-backup)?:([^<>]+)>/g),
      ) as typeof value,
    archived,
    hasArchive: entries.length > 0,
  };
}

function withUids(text: string, archived: ReadonlyMap<string, KubeObject>, placeholder: RegExp): string {
  const uids = new Map([...archived.values()].map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.uid]));
  return text.replace(placeholder, (found, name: string) => uids.get(name) ?? found);
}

function isClassic({ name }: Entry): boolean {
  return name.startsWith("resources/") && !name.includes("-preferredversion/") && name.endsWith(".json");
}

function keyOfPath(path: string): string {
  const [, resource = "", scope, ...rest] = path.replace(/\.json$/, "").split("/");
  return scope === "cluster" ? `${resource} ${rest.join("/")}` : `${resource} ${rest.join("/")}`;
}

/** Pairs of texts, longest first. */
async function replacementsFor(kube: KubeClient, archived: readonly KubeObject[]): Promise<[string, string][]> {
  const { resources } = await kube.discovery({ refresh: true });
  const kinds = new Map(archived.map((object) => [`${object.apiVersion} ${object.kind}`, object]));
  const pairs = new Map<string, string>();
  for (const sample of kinds.values()) {
    const served = resources.find(
      (each) =>
        each.kind === sample.kind &&
        (each.group === "" ? each.version : `${each.group}/${each.version}`) === sample.apiVersion,
    );
    if (served === undefined || groupResource(served).startsWith("events")) continue;
    const live = await kube.list(served);
    pairUp(
      archived.filter((object) => object.kind === sample.kind && object.apiVersion === sample.apiVersion),
      live,
      pairs,
    );
  }
  return [...pairs].filter(([from, to]) => from !== to).sort(([a], [b]) => b.length - a.length);
}

function pairUp(archived: readonly KubeObject[], live: readonly KubeObject[], pairs: Map<string, string>): void {
  const place = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;
  const liveByPlace = new Map(live.map((object) => [place(object), object]));
  const archivedPlaces = new Set(archived.map(place));
  const free = live.filter((object) => !archivedPlaces.has(place(object)));
  for (const object of archived) {
    let other = liveByPlace.get(place(object));
    if (other === undefined) {
      const index = free.findIndex((candidate) => sameMould(object, candidate));
      if (index >= 0) [other] = free.splice(index, 1);
    }
    if (other !== undefined) pairTexts(object, other, pairs);
  }
}

/** Made by the same owner, from the same prefix. */
function sameMould(a: KubeObject, b: KubeObject): boolean {
  if (a.metadata.namespace !== b.metadata.namespace) return false;
  if (a.kind === "PersistentVolume") return claimOf(a) !== "" && claimOf(a) === claimOf(b);
  return a.metadata.generateName !== undefined && a.metadata.generateName === b.metadata.generateName;
}

function claimOf(volume: KubeObject): string {
  const claim = (volume.spec as { claimRef?: { namespace?: string; name?: string } } | undefined)?.claimRef;
  return claim === undefined ? "" : `${claim.namespace}/${claim.name}`;
}

function pairTexts(archived: KubeObject, live: KubeObject, pairs: Map<string, string>): void {
  const pair = (from: unknown, to: unknown): void => {
    if (typeof from === "string" && typeof to === "string" && from !== "") pairs.set(from, to);
  };
  pair(archived.metadata.uid, live.metadata.uid);
  if (archived.metadata.name !== live.metadata.name) pair(archived.metadata.name, live.metadata.name);
  if (archived.kind === "Pod") pair(tokenVolume(archived), tokenVolume(live));
  if (archived.type === "kubernetes.io/service-account-token") {
    const [from, to] = [archived.data, live.data] as Readonly<Record<string, string> | undefined>[];
    for (const field of ["token", "ca.crt"]) pair(from?.[field], to?.[field]);
  }
  if (archived.kind === "PersistentVolume") pair(hostPathOf(archived), hostPathOf(live));
  if (archived.kind !== "Service") return;
  const [from, to] = [archived.spec, live.spec] as {
    clusterIP?: string;
    healthCheckNodePort?: number;
    ports?: { nodePort?: number }[];
  }[];
  if (from?.clusterIP !== "None") pair(from?.clusterIP, to?.clusterIP);
  from?.ports?.forEach((port, index) => {
    const other = to?.ports?.[index]?.nodePort;
    if (port.nodePort !== undefined && other !== undefined)
      pair(`"nodePort":${port.nodePort},`, `"nodePort":${other},`);
  });
  if (from?.healthCheckNodePort !== undefined)
    pair(`"healthCheckNodePort":${from.healthCheckNodePort},`, `"healthCheckNodePort":${to?.healthCheckNodePort},`);
}

/** The provisioner makes up a path for each volume. */
function hostPathOf(volume: KubeObject): string | undefined {
  return (volume.spec as { hostPath?: { path?: string } } | undefined)?.hostPath?.path;
}

function tokenVolume(pod: KubeObject): string | undefined {
  const volumes = (pod.spec as { volumes?: { name: string }[] } | undefined)?.volumes ?? [];
  return volumes.find(({ name }) => name.startsWith("kube-api-access-"))?.name;
}

function replacer(pairs: readonly (readonly [string, string])[]): (text: string) => string {
  if (pairs.length === 0) return (text) => text;
  const table = new Map(pairs);
  const quoted = pairs.map(([from]) => from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  // An address is no part of a longer one.
  const pattern = new RegExp(
    quoted.map((text) => (/^\d/.test(text) ? `(?<![\\d.])${text}(?!\\d)` : text)).join("|"),
    "g",
  );
  return (text) => text.replace(pattern, (found) => table.get(found) ?? found);
}

async function unpack(bytes: Buffer): Promise<Entry[]> {
  const entries: Entry[] = [];
  const reader = extract();
  reader.end(gunzipSync(bytes));
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    if (entry.header.type === "file")
      entries.push({ name: entry.header.name, text: Buffer.concat(chunks).toString("utf8") });
  }
  return entries;
}
