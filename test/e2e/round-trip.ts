/** Objects as text, on their way into a cluster, into an archive and back: equal means byte for byte. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { type TestCluster, uniqueName } from "../support/test-cluster.ts";
import { cutField, cutItems } from "./raw-json.ts";
import { type Installation, locationYaml, policyYaml, restoreYaml } from "./run-fixture.ts";

const run = promisify(execFile);

/** One object as text, so that no number passes through a double on its way to the API server. */
export interface Sample {
  /** As the API server's path has it, such as `apis/apps/v1`. */
  readonly api: string;
  readonly resource: string;
  /** The folder of the archive. */
  readonly archived: string;
  readonly kind: string;
  readonly fields: readonly string[];
  readonly body: string;
}

const NAME = "sample";

/** What was there before, what the archive holds, and what came back, each as raw text in the order of the samples. */
interface RoundTrip {
  readonly before: readonly string[];
  readonly lists: readonly string[];
  readonly archived: readonly string[];
  readonly after: readonly string[];
}

/** Creates the samples, backs them up, deletes them, restores them, and expects every field back byte for byte. */
export async function expectBackEqual(
  cluster: TestCluster,
  holdfast: Installation,
  samples: readonly Sample[],
): Promise<RoundTrip> {
  const { before, lists, archived, after } = await roundTrip(cluster, holdfast, samples);
  for (const [at, sample] of samples.entries()) {
    expect(archived[at]).toBe(itemOf(sample, lists[at] ?? ""));
    expect(cuts(sample, after[at] ?? "")).toEqual(cuts(sample, before[at] ?? ""));
    expect(Object.values(cuts(sample, after[at] ?? ""))).not.toContain(undefined);
    expect(uidOf(after[at] ?? "")).not.toBe(uidOf(before[at] ?? ""));
  }
  return { before, lists, archived, after };
}

async function roundTrip(cluster: TestCluster, holdfast: Installation, samples: readonly Sample[]): Promise<RoundTrip> {
  const shop = await cluster.createNamespace();
  const { namespace, bucket } = holdfast;
  for (const sample of samples) await create(cluster, sample, shop);
  const before = await Promise.all(samples.map((sample) => rawOf(cluster, sample, shop, NAME)));
  const lists = await Promise.all(samples.map((sample) => rawOf(cluster, sample, shop)));
  await holdfast.commit({
    "location.yaml": locationYaml(namespace, bucket),
    "shop.yaml": policyYaml(namespace, "shop", shop),
  });
  const backedUp = await holdfast.once();
  const backup = (await cluster.list("Backup", namespace))[0]?.metadata.name ?? "";
  const archived = await Promise.all(samples.map((sample) => archivedOf(bucket, sample, backup, shop)));
  for (const { api, resource } of samples)
    await cluster.request("DELETE", `/${api}/namespaces/${shop}/${resource}/${NAME}`);
  await holdfast.commit({ "restore.yaml": restoreYaml(namespace, uniqueName("back"), backup) });
  const restored = await holdfast.once();
  expect([backedUp.code, restored.code, restored.stderr].join("\n")).toMatch(/^0\n0\n/);
  const after = await Promise.all(samples.map((sample) => rawOf(cluster, sample, shop, NAME)));
  return { before, lists, archived, after };
}

async function rawOf(cluster: TestCluster, sample: Sample, namespace: string, name?: string): Promise<string> {
  const path = `/${sample.api}/namespaces/${namespace}/${sample.resource}${name === undefined ? "" : `/${name}`}`;
  const answer = await cluster.request("GET", path);
  expect([answer.status, path]).toEqual([200, path]);
  return answer.text;
}

async function create(cluster: TestCluster, sample: Sample, namespace: string): Promise<void> {
  const apiVersion = sample.api.replace(/^apis?\//, "");
  const head = `"apiVersion":"${apiVersion}","kind":"${sample.kind}","metadata":{"name":"${NAME}","namespace":"${namespace}"}`;
  const path = `/${sample.api}/namespaces/${namespace}/${sample.resource}`;
  const answer = await cluster.request("POST", path, `{${head},${sample.body}}`);
  expect([answer.status, answer.text]).toEqual([201, answer.text]);
}

function uidOf(raw: string): string | undefined {
  return cutField(cutField(raw, "metadata") ?? "{}", "uid");
}

/** What the fields that must come back look like, byte for byte. */
function cuts(sample: Sample, raw: string): Record<string, string | undefined> {
  return Object.fromEntries(sample.fields.map((field) => [`${sample.kind} ${field}`, cutField(raw, field)]));
}

/** The item of our object in a LIST, with its type in front where the API server leaves that to the LIST. */
function itemOf(sample: Sample, list: string): string | undefined {
  const items = cutItems(cutField(list, "items") ?? "[]");
  const item = items.find((each) => cutField(cutField(each, "metadata") ?? "{}", "name") === `"${NAME}"`);
  if (item === undefined || cutField(item, "kind") !== undefined) return item;
  return `{"apiVersion":"${sample.api.replace(/^apis?\//, "")}","kind":"${sample.kind}",${item.slice(1)}`;
}

async function archivedOf(bucket: string, sample: Sample, backup: string, namespace: string): Promise<string> {
  const archive = join(bucket, "backups", backup, `${backup}.tar.gz`);
  const member = `resources/${sample.archived}/namespaces/${namespace}/${NAME}.json`;
  return (await run("tar", ["-xzOf", archive, member])).stdout;
}
