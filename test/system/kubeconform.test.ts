import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findBinary } from "../../tools/testbed/binaries/find-binary.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

async function kubeconform(path: string): Promise<{ code: number | null; output: string }> {
  const schemas = `${ROOT}schemas/{{ .ResourceKind }}.schema.json`;
  const args = ["-strict", "-summary", "-schema-location", schemas, path];
  const child = spawn(await findBinary("kubeconform"), args);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return await new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
}

it("kubeconform accepts every example by the schemas as they lie there, and finds a wrong field", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-kubeconform-"));
  const example = await readFile(`${ROOT}policies/everything.yaml`, "utf8");
  await writeFile(join(folder, "bad.yaml"), example.replace("schedules:", "shedules:"));

  const [good, bad] = [await kubeconform(`${ROOT}policies`), await kubeconform(folder)];
  await rm(folder, { recursive: true });

  expect(good.output).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
  expect([good.code, bad.code]).toEqual([0, 1]);
  expect(bad.output).toMatch(/shedules/);
});
