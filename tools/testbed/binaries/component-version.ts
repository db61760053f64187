import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Component } from "./components.ts";

/** How a component is built and the folder name of its build in the cache. */
export interface ComponentBuild {
  /** As the module says, such as `1.36.3`. */
  readonly version: string;
  /** Changes with anything that changes the binary: `controlplane-1.36.3-0123456789ab`. */
  readonly folder: string;
  /** Arguments of `go list` as well as of `go build`. */
  readonly tags: readonly string[];
  /** Arguments of `go build`, the tags and the package among them. */
  readonly flags: readonly string[];
}

/**
 * Static where it can be, so that no C compiler is needed and the cache can be shared; `-buildvcs=false`, for the binary
 * depends on the Go modules and not on the commit of this repository.
 */
export function buildEnvironment(component: Component): Readonly<Record<string, string>> {
  return { CGO_ENABLED: component.cgoTags === undefined ? "0" : "1", GOFLAGS: "-mod=readonly", GOWORK: "off" };
}

/** Reads a component's module files. A Go upgrade alone rebuilds nothing. */
export async function describeBuild(component: Component): Promise<ComponentBuild> {
  const hash = createHash("sha256");
  let version = "";
  for (const file of (await readdir(component.source)).sort()) {
    const text = await readFile(join(component.source, file), "utf8");
    hash.update(`${file}\0${text}\0`);
    if (file === "go.mod") version = versionIn(text, component.module);
  }
  const ldflags = ["-s", "-w", ...component.ldflags(version)].join(" ");
  const tags = component.cgoTags === undefined ? [] : ["-tags", component.cgoTags.join(",")];
  const flags = ["-buildvcs=false", ...tags, "-ldflags", ldflags, component.package];
  const environment = buildEnvironment(component);
  hash.update(JSON.stringify([flags, environment, component.commands, process.platform, process.arch]));
  return { version, folder: `${component.name}-${version}-${hash.digest("hex").slice(0, 12)}`, tags, flags };
}

function versionIn(goMod: string, module: string): string {
  const line = goMod.split("\n").find((candidate) => candidate.trim().startsWith(`${module} v`));
  return line?.trim().split(" ")[1]?.slice(1) ?? "0.0.0";
}
