/** The CRDs on a real API server, and our validator's agreement with it. */
import { readdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { API_VERSION, KINDS } from "../../src/api/kinds.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { schemaFindings } from "../../src/api/schema-check.ts";
import { validateObject } from "../../src/api/validate.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";
import { BAD, type Case, GOOD, ONLY_OURS } from "./kinds-cases.ts";

const CRDS = new URL("../../manifests/crds/", import.meta.url);
const cluster = useTestCluster();
let namespace: string;

beforeAll(async () => {
  for (const file of await readdir(CRDS)) await cluster.applyYaml(await readFile(new URL(file, CRDS), "utf8"));
  namespace = await cluster.createNamespace();
});

function objectOf({ kind, spec, name = "case", labels, beside }: Case): KubeObject {
  const metadata = { name, namespace, ...(labels === undefined ? {} : { labels }) };
  return { apiVersion: API_VERSION, kind, metadata, ...(spec === undefined ? {} : { spec }), ...beside } as KubeObject;
}

/** What the API server says to a strict, dry-run create: undefined when it takes the object. */
async function refusedByServer(object: KubeObject): Promise<string | undefined> {
  const { resource } = KINDS.find(({ kind }) => kind === object.kind) ?? { resource: "?" };
  const path = `/apis/${API_VERSION}/namespaces/${namespace}/${resource}?dryRun=All&fieldValidation=Strict`;
  const answer = await cluster.request("POST", path, object);
  return answer.status === 201
    ? undefined
    : `${answer.status} ${(JSON.parse(answer.text) as { message: string }).message}`;
}

function refusedByUs(object: KubeObject): string | undefined {
  const options = { defaultNamespace: "holdfast", fromGit: false };
  const findings = validateObject(object.kind as Case["kind"], object, options).filter(
    ({ isWarning }) => isWarning !== true,
  );
  return findings.length === 0 ? undefined : findings.map(({ message }) => message).join("; ");
}

describe("our validator and the API server agree", () => {
  it.each(GOOD.map((entry) => [`${entry.kind}: ${entry.what}`, entry] as const))("to take %s", async (_name, entry) => {
    const object = objectOf(entry);

    expect({ us: refusedByUs(object), server: await refusedByServer(object) }).toEqual({
      us: undefined,
      server: undefined,
    });
  });

  it.each(BAD.map((entry) => [`${entry.kind}: ${entry.what}`, entry] as const))(
    "to refuse %s",
    async (_name, entry) => {
      const object = objectOf(entry);
      const [us, server] = [refusedByUs(object), await refusedByServer(object)];

      expect({ us, server }).toEqual({ us: expect.any(String), server: expect.stringMatching(/^(400|422) /) });
    },
  );
});

describe("beyond the API server", () => {
  it.each(ONLY_OURS.map((entry) => [`${entry.kind}: ${entry.what}`, entry] as const))(
    "we refuse %s",
    async (_name, entry) => {
      const object = objectOf(entry);

      expect(await refusedByServer(object)).toBeUndefined();
      expect(schemaFindings(entry.kind, object)).toEqual([]);
      expect(refusedByUs(object)).toEqual(expect.any(String));
    },
  );
});

describe("the CRDs", () => {
  it("are all served, with short names, the category and a status subresource", async () => {
    const answer = await cluster.request("GET", `/apis/${API_VERSION}`);
    const { resources } = JSON.parse(answer.text) as {
      resources: { name: string; shortNames?: string[]; categories?: string[] }[];
    };

    for (const { resource } of KINDS) {
      expect(resources).toContainEqual(expect.objectContaining({ name: resource, categories: ["holdfast"] }));
      expect(resources).toContainEqual(expect.objectContaining({ name: `${resource}/status` }));
    }
    const shortNames = resources.flatMap((resource) => resource.shortNames ?? []);
    expect(shortNames.sort()).toEqual(["hbk", "hbp", "hbsl", "hgs", "hrp"]);
  });

  it("start a status as not looked at yet, and put no default into spec", async () => {
    const created = await cluster.create(
      objectOf({
        kind: "BackupPolicy",
        what: "",
        spec: { schedules: [{ name: "a", cron: "@daily" }] },
        name: "defaults",
      }),
    );

    expect(created.status).toEqual({ observedGeneration: -1 });
    expect(created.spec).toEqual({ schedules: [{ name: "a", cron: "@daily" }] });
  });

  it("print columns that read well", async () => {
    const spec = { schedules: [{ name: "a", cron: "@daily" }], suspend: true, template: { storageLocation: "main" } };
    await cluster.create(objectOf({ kind: "BackupPolicy", what: "", spec, name: "columns" }));
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/backuppolicies/columns`;
    const answer = await cluster.request("GET", path, undefined, {
      headers: { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" },
    });
    const table = JSON.parse(answer.text) as {
      columnDefinitions: { name: string; priority: number }[];
      rows: { cells: unknown[] }[];
    };

    const shown = table.columnDefinitions.filter(({ priority }) => priority === 0).map(({ name }) => name);
    expect(shown).toEqual(["Name", "Location", "Last", "Last phase", "Next", "Suspended", "Ready", "Age"]);
    expect(table.rows[0]?.cells.slice(0, 2)).toEqual(["columns", "main"]);
  });

  it("take every field of a status, and a condition once per type", async () => {
    await cluster.create(objectOf({ kind: "Backup", what: "", spec: {}, name: "status" }));
    const condition = {
      type: "Ready",
      status: "True",
      reason: "Accepted",
      message: "",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    };
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/backups/status/status?fieldValidation=Strict`;
    const headers = { "content-type": "application/merge-patch+json" };
    const good = { status: { phase: "InProgress", conditions: [condition], run: { id: "r", token: "t", term: 1 } } };
    const twice = { status: { conditions: [condition, condition] } };

    expect((await cluster.request("PATCH", path, good, { headers })).status).toBe(200);
    expect((await cluster.request("PATCH", path, twice, { headers })).status).toBe(422);
  });
});
