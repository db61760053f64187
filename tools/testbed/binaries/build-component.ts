import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { lockFile } from "../process/file-lock.ts";
import { createGuardedFolder, type GuardedFolder } from "../process/guarded-folder.ts";
import { elapsed, type Report } from "../progress.ts";
import type { ComponentBuild } from "./component-version.ts";
import type { Component } from "./components.ts";
import { runGo } from "./go-command.ts";

/** Where to build and whom to tell. */
export interface BuildTarget {
  readonly cache: string;
  readonly report: Report;
}

/**
 * Builds a component into the cache unless it is there, and resolves to its folder. Processes that ask at the same
 * time wait for one build. The folder appears whole: it is built beside and renamed.
 * @throws {GoMissing|GoTooOld|BuildFailed} see `runGo`
 */
export async function ensureBuilt(component: Component, build: ComponentBuild, target: BuildTarget): Promise<string> {
  const built = join(target.cache, build.folder);
  if (await exists(built)) return built;
  await mkdir(target.cache, { recursive: true });
  const waiting = () => target.report(`${component.name}: another process is building it; waiting`);
  const lock = await lockFile(`${built}.lock`, waiting);
  try {
    if (!(await exists(built))) await buildInto(built, component, build, target);
  } finally {
    await lock.release();
  }
  return built;
}

async function buildInto(
  built: string,
  component: Component,
  build: ComponentBuild,
  { cache, report }: BuildTarget,
): Promise<void> {
  const startedAt = Date.now();
  const workspace = await createGuardedFolder({ parent: cache, prefix: `building-${component.name}` });
  try {
    await runGo({ component, folder: workspace, args: ["version"], onProgress: () => undefined }); // or say what is missing
    report(`${component.name} ${build.version}: not in the cache; fetching its Go modules (once, takes minutes)`);
    const packages = await countPackages({ component, tags: build.tags }, workspace, (modules) =>
      report(`${component.name}: fetched ${modules} modules, ${elapsed(startedAt)}`),
    );
    report(`${component.name}: compiling at most ${packages} packages`);
    const draft = join(workspace.path, "out");
    await mkdir(draft);
    await runGo({
      component,
      folder: workspace,
      args: ["build", "-v", "-o", join(draft, component.name), ...build.flags],
      onProgress: (output) =>
        report(
          `${component.name}: compiled ${countLines(output, (line) => !isNote(line))} of at most ${packages}, ${elapsed(startedAt)}`,
        ),
    });
    for (const command of component.commands) {
      if (command !== component.name) await symlink(component.name, join(draft, command));
    }
    await copyAssets(component, workspace, draft);
    await rename(draft, built).catch(async (error: unknown) => {
      if (!(await exists(built))) throw error; // someone else was faster: theirs is as good
    });
    report(`${component.name}: built in ${elapsed(startedAt)}`);
  } finally {
    await workspace.remove();
  }
}

async function copyAssets(component: Component, folder: GuardedFolder, draft: string): Promise<void> {
  if (component.assets === undefined) return;
  const args = ["list", "-m", "-f", "{{.Dir}}", component.module];
  // the log of `go list` begins with the packages that were counted
  const module =
    (await runGo({ component, folder, args, onProgress: () => undefined })).trim().split("\n").at(-1) ?? "";
  // Go's module cache is read-only, folders too: a plain copy could not be removed again.
  for (const asset of component.assets) {
    for (const entry of await readdir(join(module, asset), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const target = join(draft, relative(module, entry.parentPath));
      await mkdir(target, { recursive: true });
      await writeFile(join(target, entry.name), await readFile(join(entry.parentPath, entry.name)));
    }
  }
}

async function countPackages(
  { component, tags }: { readonly component: Component; readonly tags: readonly string[] },
  folder: GuardedFolder,
  onModules: (modules: number) => void,
): Promise<number> {
  const list = await runGo({
    component,
    folder,
    args: ["list", "-deps", ...tags, component.package],
    onProgress: (output) => onModules(countLines(output, isNote)),
  });
  return countLines(list, (line) => !isNote(line));
}

/** Go's own messages, such as `go: downloading …`, stand between the names of packages. */
function isNote(line: string): boolean {
  return line.startsWith("go: ");
}

function countLines(text: string, counts: (line: string) => boolean): number {
  return text.split("\n").filter((line) => line !== "" && counts(line)).length;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
