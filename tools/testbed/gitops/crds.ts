import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describeBuild } from "../binaries/component-version.ts";
import { componentOf } from "../binaries/components.ts";
import { TestbedError } from "../errors.ts";

/** Where the CRDs of Flux stand: in the modules of its controllers, at the versions that are tested. */
const FLUX_CRDS = [
  {
    module: "github.com/fluxcd/kustomize-controller@v1.7.3",
    file: "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
  },
  {
    module: "github.com/fluxcd/helm-controller@v1.4.3",
    file: "config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml",
  },
] as const;

/** Flux's CRDs as YAML, one text each. Fetched once into Go's own module cache. */
export async function fluxCrds(): Promise<string[]> {
  const texts: string[] = [];
  for (const { module, file } of FLUX_CRDS) texts.push(await readFile(join(await moduleFolder(module), file), "utf8"));
  return texts;
}

/** Argo CD's CRDs as YAML, one text each: of the version that system tests run. */
export async function argoCrds(): Promise<string[]> {
  const component = componentOf("argocd-repo-server");
  const { version } = await describeBuild(component);
  const folder = join(await moduleFolder(`${component.module}@v${version}`), "manifests", "crds");
  const files = (await readdir(folder)).filter((file) => file.endsWith("-crd.yaml"));
  return await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
}

/**
 * The folder of `module@version` in Go's module cache; it is fetched and verified by Go where it is not there.
 * @throws {RequestFailed} when Go is not to be had, or can't fetch it
 */
async function moduleFolder(module: string): Promise<string> {
  const env = { ...process.env, GOFLAGS: "-mod=mod", GOWORK: "off" };
  try {
    const { stdout } = await promisify(execFile)("go", ["mod", "download", "-json", module], { cwd: tmpdir(), env });
    return (JSON.parse(stdout) as { Dir: string }).Dir;
  } catch (error) {
    throw new TestbedError("RequestFailed", `go could not fetch ${module}`, { cause: error });
  }
}
