/** A recorded scenario as a restore is tested with it: its files, and its steps done to a cluster. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse, parseAllDocuments } from "yaml";
import { parseJson } from "../../src/api/json.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { waitUntil } from "../../tools/testbed/process/wait-until.ts";
import { pathOf, ServedKinds } from "../support/served-kinds.ts";
import type { TestCluster } from "../support/test-cluster.ts";

/** One restore of a scenario, in order. */
export interface RecordedRestore {
  readonly name: string;
  /** "" for the first, "-2" for the second. */
  readonly suffix: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly liveBefore: readonly KubeObject[] | undefined;
  readonly after: readonly KubeObject[] | undefined;
  readonly results: RecordedResults;
  /** What was done to the cluster since the backup, or since the restore before. */
  readonly mutation: readonly Step[];
}

/** The parts of `results.json` that are compared. */
export interface RecordedResults {
  readonly phase?: string;
  readonly resourceList?: Readonly<Record<string, readonly string[]>>;
  readonly results?: { readonly warnings?: RecordedResult; readonly errors?: RecordedResult };
  readonly restore?: { readonly spec?: { readonly backupName?: string } };
}

export interface RecordedResult {
  readonly velero?: readonly string[];
  readonly cluster?: readonly string[];
  readonly namespaces?: Readonly<Record<string, readonly string[]>>;
}

export interface Scenario {
  readonly folder: string;
  readonly name: string;
  readonly backupName: string;
  readonly restores: readonly RecordedRestore[];
  readonly before: string;
  /** ConfigMaps of the Velero namespace. */
  readonly veleroNamespace: readonly KubeObject[];
  /** Steps before the backup. */
  readonly setup: readonly Step[];
}

export type Step = Readonly<Record<string, unknown>>;

/** Every scenario of a folder that holds a restore, sorted by name. */
export async function loadScenarios(root: string): Promise<Scenario[]> {
  const folders = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const scenarios: Scenario[] = [];
  for (const { name } of folders.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = join(root, name);
    if (existsSync(join(folder, "scenario.yaml")) && existsSync(join(folder, "restore-spec.yaml")))
      scenarios.push(await load(folder));
  }
  return scenarios;
}

async function load(folder: string): Promise<Scenario> {
  const head = parse(await readFile(join(folder, "scenario.yaml"), "utf8")) as ScenarioHead;
  const steps = head.steps ?? [];
  const names = (head.restoreNames ?? ["restore"]).filter((_name, index) =>
    existsSync(join(folder, `restore-spec${suffixOf(index)}.yaml`)),
  );
  return {
    folder,
    name: head.name ?? basename(folder),
    backupName: head.backupName ?? "",
    restores: await Promise.all(
      names.map(async (name, index) => ({
        ...(await loadRestore(folder, suffixOf(index))),
        name,
        mutation: stepsBefore(steps, names, index),
      })),
    ),
    before: (await textOf(join(folder, "before.yaml"))) ?? "",
    veleroNamespace: documents((await textOf(join(folder, "velero-namespace.yaml"))) ?? ""),
    setup: stepsNamed(steps, "setup"),
  };
}

/** `scenario.yaml`; what is not there was not recorded. */
export interface ScenarioHead {
  readonly name?: string;
  readonly backupName?: string;
  readonly restoreNames?: readonly string[];
  readonly steps?: readonly HeadStep[];
}

type HeadStep = string | Readonly<Record<string, readonly Step[]>>;

/** The steps under every `setup` or `mutation`, in order. */
export function stepsNamed(steps: readonly HeadStep[], key: string): Step[] {
  return steps.flatMap((step) => (typeof step === "object" ? (step[key] ?? []) : []));
}

/** The mutations between a restore and the one before it: a line `run restore <name> ...` ends each part. */
function stepsBefore(steps: readonly HeadStep[], names: readonly string[], index: number): Step[] {
  const at = (name: string | undefined): number =>
    steps.findIndex(
      (step) => typeof step === "string" && step.split(" ").slice(0, 3).join(" ") === `run restore ${name}`,
    );
  const [previous, own] = [index === 0 ? -1 : at(names[index - 1]), at(names[index])];
  // Without such lines all that was done was done before the first restore.
  if (own < 0 || (index > 0 && previous < 0)) return index === 0 ? stepsNamed(steps, "mutation") : [];
  return stepsNamed(steps.slice(previous + 1, own), "mutation");
}

function suffixOf(index: number): string {
  return index === 0 ? "" : `-${index + 1}`;
}

async function loadRestore(folder: string, suffix: string): Promise<Omit<RecordedRestore, "name" | "mutation">> {
  const json = async (file: string): Promise<unknown> => {
    const text = await textOf(join(folder, `${file}${suffix}.json`));
    return text === undefined ? undefined : parseJson(text);
  };
  const spec = parse(await readFile(join(folder, `restore-spec${suffix}.yaml`), "utf8")) as Record<
    string,
    unknown
  > | null;
  return {
    suffix,
    spec: spec ?? {},
    liveBefore: (await json("live-before-restore")) as readonly KubeObject[] | undefined,
    after: (await json("after")) as readonly KubeObject[] | undefined,
    results: ((await json("results")) ?? {}) as RecordedResults,
  };
}

async function textOf(path: string): Promise<string | undefined> {
  return existsSync(path) ? await readFile(path, "utf8") : undefined;
}

/** The objects of a YAML text, empty documents left out. */
export function documents(yaml: string): KubeObject[] {
  // JSON keeps the digits of integers that YAML would read as doubles.
  return parseAllDocuments(yaml, { intAsBigInt: true })
    .map((document) => document.toJS() as unknown)
    .filter((value) => value !== null && value !== undefined)
    .map((value) => JSON.parse(JSON.stringify(value, bigIntAsRaw)) as KubeObject);
}

function bigIntAsRaw(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return BigInt(number) === value
    ? number
    : (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/** POSTs every document of the YAML as it is written, numbers with all their digits. */
export async function applyBefore(cluster: TestCluster, yaml: string): Promise<void> {
  for (const document of parseAllDocuments(yaml, { intAsBigInt: true })) {
    const value = document.toJS() as {
      kind: string;
      apiVersion: string;
      metadata: { name: string; namespace?: string };
    } | null;
    if (value === null || value === undefined) continue;
    await postExact(cluster, value);
  }
}

async function postExact(
  cluster: TestCluster,
  value: { kind: string; apiVersion: string; metadata: { name: string; namespace?: string } },
): Promise<void> {
  const path = pathOf(await kindsOf(cluster).find(value.kind, value.apiVersion), value.metadata.namespace);
  const body = JSON.stringify(value, bigIntAsRaw);
  await waitUntil(
    async () => {
      const answer = await cluster.request("POST", `${path}?fieldManager=python-requests`, body);
      if (answer.status < 300 || answer.status === 409) return true;
      // Service accounts and fresh kinds take a moment.
      if (answer.status === 403 || answer.status === 404 || answer.status >= 500) {
        lastAnswer = answer.text;
        return undefined;
      }
      throw new Error(`POST ${path} ${value.metadata.name}: ${answer.status} ${answer.text.slice(0, 500)}`);
    },
    { what: `${value.kind} ${value.metadata.name} is created`, timeoutMs: 15_000, intervalMs: 200 },
  ).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : String(error)}: ${lastAnswer.slice(0, 300)}`);
  });
}

let lastAnswer = "";

const known = new WeakMap<TestCluster, ServedKinds>();

function kindsOf(cluster: TestCluster): ServedKinds {
  const kinds = known.get(cluster) ?? new ServedKinds(() => cluster.connection);
  known.set(cluster, kinds);
  return kinds;
}

/** Does the steps of `setup` or `mutation`. What only concerns Velero's own server is left out. */
export async function runSteps(cluster: TestCluster, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    for (const [name, argument] of Object.entries(step)) await runStep(cluster, name, argument);
  }
}

interface Target {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | null;
  readonly name: string;
  readonly wait?: boolean;
  readonly type?: "merge" | "json" | "strategic";
  readonly patch?: object;
  readonly subresource?: string;
  readonly phase?: string;
}

async function runStep(cluster: TestCluster, name: string, argument: unknown): Promise<void> {
  const target = argument as Target;
  const namespace = target?.namespace ?? undefined;
  if (isVeleros(target)) return;
  switch (name) {
    case "deleteNamespace":
      for (const each of [argument].flat() as string[]) await cluster.delete("Namespace", undefined, each);
      return;
    case "delete":
      return await cluster.delete(kindOf(target), namespace, target.name, { wait: target.wait ?? true });
    case "create":
      if (typeof argument === "string") return await applyBefore(cluster, argument);
      for (const object of ([argument].flat() as KubeObject[]).filter(isForACluster))
        await postExact(cluster, object as never);
      return;
    case "patch":
      await cluster.patch(kindOf(target), namespace, target.name, target.patch ?? {}, {
        ...(target.type === undefined ? {} : { type: target.type }),
        ...(target.subresource === undefined ? {} : { subresource: target.subresource }),
      });
      return;
    case "waitSeconds":
      return await sleep(Number(argument) * 1000);
    case "waitPhase":
      await cluster.waitFor(kindOf(target), namespace, target.name, (object) => phaseOf(object) === target.phase);
      return;
    case "waitGone":
      return await cluster.waitUntilGone(kindOf(target), namespace, target.name);
    case "waitExists":
      await cluster.waitFor(kindOf(target), namespace, target.name);
      return;
    case "call":
      if (argument === "s14own") await ownFree(cluster);
      return;
    default:
      return;
  }
}

/** Velero's own objects, and what lies in its namespace: there is no such server here. */
function isVeleros(target: { readonly apiVersion?: string; readonly namespace?: string | null } | undefined): boolean {
  return target?.apiVersion?.startsWith("velero.io/") === true || target?.namespace === "velero";
}

function isForACluster({ apiVersion, metadata }: KubeObject): boolean {
  return !isVeleros({ apiVersion, ...metadata });
}

function phaseOf({ status }: KubeObject): string | undefined {
  return (status as { phase?: string } | undefined)?.phase;
}

/** `notes` of the scenario: two objects get an owner by uid. */
async function ownFree(cluster: TestCluster): Promise<void> {
  const namespace = "s14-own";
  const owner = await cluster.get("ConfigMap", namespace, "owner");
  const reference = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata.uid };
  await cluster.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "child", namespace, ownerReferences: [reference] },
  });
  const controller = { ...reference, blockOwnerDeletion: true, controller: true };
  await cluster.create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "child-secret", namespace, ownerReferences: [controller] },
  });
}

function kindOf({ apiVersion, kind }: Target): string {
  const [group, version] = apiVersion.split("/");
  return version === undefined ? kind : `${kind}.${group}`;
}
