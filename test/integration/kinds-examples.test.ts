/** The examples under `policies/` and in `docs/spec/`, before a real API server. */
import { readdir, readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { API_VERSION, KINDS } from "../../src/api/kinds.ts";
import { validateTree } from "../../src/api/validate.ts";
import { useTestCluster } from "../support/use-test-cluster.ts";

const ROOT = new URL("../../", import.meta.url);
const cluster = useTestCluster();
let namespace: string;

beforeAll(async () => {
  const crds = new URL("manifests/crds/", ROOT);
  for (const file of await readdir(crds)) await cluster.applyYaml(await readFile(new URL(file, crds), "utf8"));
  namespace = await cluster.createNamespace();
});

/** Every YAML text of ours that users may copy, by where it stands. */
async function examples(): Promise<[where: string, text: string][]> {
  const found: [string, string][] = [];
  for (const name of await readdir(new URL("policies/", ROOT), { recursive: true })) {
    if (name.endsWith(".yaml"))
      found.push([`policies/${name}`, await readFile(new URL(`policies/${name}`, ROOT), "utf8")]);
  }
  for (const name of await readdir(new URL("docs/spec/", ROOT))) {
    const page = await readFile(new URL(`docs/spec/${name}`, ROOT), "utf8");
    const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);
    blocks
      .filter((text) => text.includes("\nkind:"))
      .forEach((text, at) => void found.push([`docs/spec/${name} #${at + 1}`, text]));
  }
  return found;
}

const EXAMPLES = await examples();

describe("an example", () => {
  it("is there for every kind", () => {
    for (const { kind } of KINDS) expect(EXAMPLES.some(([, text]) => text.includes(`kind: ${kind}\n`))).toBe(true);
  });

  it.each(EXAMPLES)("%s is valid, and the API server takes it", async (_where, text) => {
    const file = { path: "example.yaml", bytes: new TextEncoder().encode(text) };
    const { documents, problems } = validateTree([file], { defaultNamespace: "holdfast", acceptGitSource: true });
    expect(problems).toEqual([]);
    expect(documents.length).toBeGreaterThan(0);

    for (const document of parseAllDocuments(text)) {
      const object = document.toJSON() as { kind: string; metadata: object };
      const { resource } = KINDS.find(({ kind }) => kind === object.kind) ?? { resource: "?" };
      const path = `/apis/${API_VERSION}/namespaces/${namespace}/${resource}?dryRun=All&fieldValidation=Strict`;
      const answer = await cluster.request("POST", path, { ...object, metadata: { ...object.metadata, namespace } });
      expect({ status: answer.status, text: answer.status === 201 ? "" : answer.text }).toEqual({
        status: 201,
        text: "",
      });
    }
  });
});
