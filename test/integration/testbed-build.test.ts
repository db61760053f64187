import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeBuild } from "../../tools/testbed/binaries/component-version.ts";
import { runGit } from "../../tools/testbed/git/run-git.ts";
import { runScript } from "../support/run-script.ts";
import { fakeComponent } from "./testbed-scripts/fake-component.ts";

const run = promisify(execFile);
const FIND_FAKE = join(import.meta.dirname, "testbed-scripts", "find-fake.ts");
const MAIN = `package main
var version = "none"
func main() { println(version) }
`;

describe("building a test server", () => {
  let folder = "";
  let source = "";
  let goCache = "";
  beforeAll(async () => {
    goCache = (await run("go", ["env", "GOCACHE"])).stdout.trim();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-test-"));
    source = join(folder, "module");
    await mkdir(source);
    await writeFile(join(source, "go.mod"), "module example.com/fake\n\ngo 1.26.0\n");
    await writeFile(join(source, "main.go"), MAIN);
    await chmod(source, 0o555); // a checkout is not written to
  });
  afterEach(async () => {
    await chmod(source, 0o755);
    await rm(folder, { recursive: true, force: true });
  });

  const cache = () => join(folder, "cache", "holdfast-testbed");
  // Go's own cache stays what it is: without it Go's runtime is compiled each time, for half a minute on a busy machine.
  const findFake = (env: NodeJS.ProcessEnv = {}) =>
    runScript(FIND_FAKE, [source], {
      ...process.env,
      GOCACHE: goCache,
      XDG_CACHE_HOME: join(folder, "cache"),
      ...env,
    });
  const hasBuilt = ({ stderr }: { stderr: string }) => stderr.includes("built in");

  it("happens once for two processes that ask at once, and never again", async () => {
    const both = await Promise.all([findFake(), findFake()]);
    const later = await findFake();

    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.filter(hasBuilt)).toHaveLength(1);
    expect([later.stdout, later.stderr]).toEqual([both[0].stdout, ""]);
    expect(await readdir(cache())).toEqual([basename(dirname(both[1].stdout.trim()))]);
  });

  it("has another place in the cache when the module changes", async () => {
    const before = await describeBuild(fakeComponent(source));
    await writeFile(join(source, "main.go"), MAIN.replace("none", "other"));

    const after = await describeBuild(fakeComponent(source));

    expect(after.folder).not.toBe(before.folder);
  });

  it("takes over the lock of a process that is gone", async () => {
    const { folder: name } = await describeBuild(fakeComponent(source));
    await mkdir(cache(), { recursive: true });
    await writeFile(join(cache(), `${name}.lock`), JSON.stringify({ id: "x", pid: 2 ** 22 + 1, host: hostname() }));

    const built = await findFake();

    expect([built.code, built.stdout]).toEqual([0, `${join(cache(), name, "fake-alias")}\n`]);
  });

  it("fails with the compiler's words, and leaves nothing half built", async () => {
    await writeFile(join(source, "main.go"), "package main\nfunc main() { nonsense() }\n");

    const failed = await findFake();

    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/BuildFailed: .*undefined: nonsense/s);
    expect(await readdir(cache())).toEqual([]);
  });

  it("says in one sentence that Go is missing, and what to do", async () => {
    const bin = join(folder, "bin");
    await mkdir(bin);
    for (const tool of ["sh", "mktemp", "rm", "chmod"]) await symlink(await which(tool), join(bin, tool));

    const failed = await findFake({ PATH: bin });

    expect(failed.stderr).toBe(
      'GoMissing: the test server "fake" is built once with Go, which is not on PATH: ' +
        "install Go 1.26 or newer (https://go.dev/dl), or set FAKE to a fake binary\n",
    );
  });
});

/** Git is here anyway and knows the way to a shell. */
async function which(tool: string): Promise<string> {
  return (await runGit(["-c", `alias.where=!command -v ${tool}`, "where"])).toString().trim();
}
