/**
 * `npm run generate`: everything that is derived from `schemas/` and from tables in the code. With `--check` nothing is written, and a file that
 * would change ends the process with 1.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { renderCrds } from "./crd.ts";
import { renderMetricsPage } from "./metrics-page.ts";
import { readSchemas } from "./schema-files.ts";
import { renderSchemas, renderTypes } from "./types.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CRDS = "manifests/crds";

/** Path → content of every generated file; undefined: it must not exist. */
async function generate(): Promise<Map<string, string | undefined>> {
  const set = await readSchemas(join(ROOT, "schemas"));
  const files = new Map<string, string | undefined>();
  for (const name of await readdir(join(ROOT, CRDS)).catch(() => [])) files.set(`${CRDS}/${name}`, undefined);
  for (const [name, text] of renderCrds(set)) files.set(`${CRDS}/${name}`, text);
  files.set("src/api/kinds.generated.ts", await renderTypes(set));
  files.set("src/api/schemas.generated.ts", renderSchemas(set));
  files.set("docs/metrics.md", renderMetricsPage());
  return files;
}

async function current(path: string): Promise<string | undefined> {
  return await readFile(join(ROOT, path), "utf8").catch(() => undefined);
}

async function write(path: string, text: string | undefined): Promise<void> {
  const full = join(ROOT, path);
  await mkdir(dirname(full), { recursive: true });
  if (text === undefined) await rm(full);
  else await writeFile(full, text);
}

const check = process.argv.includes("--check");
for (const [path, text] of await generate()) {
  if ((await current(path)) === text) continue;
  if (check) {
    console.error(`${path} is not what its source generates: run \`npm run generate\` and commit the result`);
    process.exitCode = 1;
  } else {
    await write(path, text);
    console.log(`${text === undefined ? "removed" : "wrote"} ${path}`);
  }
}
