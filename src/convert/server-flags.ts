import type { KubeObject } from "../api/object.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

/** What the flags of Velero's server say that a conversion depends on. */
export interface ServerFlags {
  /** The ConfigMap of `--global-backup-volume-policies-configmap`. */
  readonly globalPolicy: string | undefined;
  readonly notes: readonly Note[];
}

const GLOBAL_POLICY = "--global-backup-volume-policies-configmap";

/** True for the Deployment of Velero's server. */
export function isVeleroServer({ object }: Located): boolean {
  return object.kind === "Deployment" && containersOf(object).some(isServer);
}

/** Reads the Deployments of Velero's server. */
export function readServerFlags(servers: readonly Located[]): ServerFlags {
  const notes: Note[] = [];
  let globalPolicy: string | undefined;
  for (const at of servers) {
    for (const [index, container] of containersOf(at.object).entries()) {
      const found = isServer(container) ? flagIn(container.args ?? [], GLOBAL_POLICY) : undefined;
      if (found === undefined) continue;
      globalPolicy = found.value;
      const path = ["spec", "template", "spec", "containers", index, "args", found.index];
      const message = `give Holdfast's Deployment the same: holdfast run ${GLOBAL_POLICY} ${found.value}`;
      notes.push(noteOn(at, "changed", path, message));
    }
  }
  return { globalPolicy, notes };
}

interface Container {
  readonly command?: readonly string[];
  readonly args?: readonly string[];
}

function containersOf(object: KubeObject): readonly Container[] {
  const spec = object.spec as
    | { readonly template?: { readonly spec?: { readonly containers?: unknown } } }
    | undefined
    | null;
  const containers = spec?.template?.spec?.containers;
  return Array.isArray(containers) ? containers : [];
}

function isServer({ command = [], args = [] }: Container): boolean {
  return /(?:^|\/)velero$/.test(command[0] ?? "") && args[0] === "server";
}

/** `--flag=value` or `--flag value`; the last one counts. */
function flagIn(args: readonly string[], flag: string): { readonly value: string; readonly index: number } | undefined {
  const index = args.findLastIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
  if (index < 0) return undefined;
  const value = args[index] === flag ? args[index + 1] : args[index]?.slice(flag.length + 1);
  return value === undefined || value === "" ? undefined : { value, index };
}
