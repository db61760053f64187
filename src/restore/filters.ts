/** The filters of a restore's policy, for the kinds that the cluster serves and those that only the backup has. */
import { filterConflicts, filterWarnings } from "../api/filter-checks.ts";
import { type FilterLookup, filterLookup, type PolicyFilters, type ResolveKind } from "../api/filter-rules.ts";
import { groupResource } from "../api/object.ts";
import type { ResolveResource } from "../api/resource-name.ts";
import { CodedError } from "../errors.ts";
import type { Discovery } from "../kube/client.ts";
import type { BackupReader } from "../storage/backup-reader.ts";
import { readRestorePolicy } from "./policy.ts";
import type { RestoreRequest } from "./types.ts";

export interface RestoreFilters {
  readonly lookup: FilterLookup;
  /** Filters that do nothing, and why. `isIncluded` is the spec's own filter of resources. */
  warnings(isIncluded: (resource: string) => boolean): string[];
}

/** Undefined where the spec names no policy. @throws {InvalidSpec} for a policy that can't be read or contradicts itself. */
export async function loadFilters(
  { spec, policyData, backup }: Pick<RestoreRequest, "spec" | "policyData" | "backup">,
  discovery: Discovery,
  resolve: ResolveResource,
): Promise<RestoreFilters | undefined> {
  const policy = readRestorePolicy(spec, policyData);
  if (policy.type === "none") return undefined;
  if (policy.type === "refused") throw invalid(policy.problem);
  const served = new Map(discovery.resources.map((each) => [groupResource(each), each.namespaced]));
  const kinds = knownKinds(served, resolve, await archivedKinds(backup, served));
  return compileFilters(policy.filters, kinds);
}

/** A resource that the backup has and the cluster does not serve. */
export interface ArchivedKind {
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

interface KnownKinds {
  readonly resolve: ResolveKind;
  readonly isNamespaced: (resource: string) => boolean | undefined;
}

/** A name is a served resource; else every archived one that has it: its CRD may come with this very restore. */
export function knownKinds(
  served: ReadonlyMap<string, boolean>,
  resolve: ResolveResource,
  archived: readonly ArchivedKind[],
): KnownKinds {
  const isNamespacedThere = new Map(archived.map(({ resource, namespaced }) => [resource, namespaced]));
  return {
    resolve: (kind) => {
      const name = resolve(kind);
      if (served.has(name)) return [name];
      const found = archived.filter((each) => namesOf(each).includes(kind.toLowerCase()));
      return found.length === 0 ? [name] : found.map(({ resource }) => resource);
    },
    isNamespaced: (resource) => served.get(resource) ?? isNamespacedThere.get(resource),
  };
}

/** `widgets.example.com`, `widget`, `widget.example.com`. */
function namesOf({ resource, kind }: ArchivedKind): string[] {
  const dot = resource.indexOf(".");
  const lower = kind.toLowerCase();
  return [resource, lower, ...(dot < 0 ? [] : [`${lower}${resource.slice(dot)}`])];
}

function compileFilters(filters: PolicyFilters, { resolve, isNamespaced }: KnownKinds): RestoreFilters {
  const [conflict] = filterConflicts(filters, resolve);
  if (conflict !== undefined) throw invalid(`resourcePolicy: ${conflict}`);
  return {
    lookup: filterLookup(filters, resolve),
    warnings: (isIncluded) =>
      filterWarnings(filters, {
        resolve,
        isNamespaced,
        isExcluded: (resource) => !isIncluded(resource),
        what: "restore",
        unknown: "is neither served here nor in the backup",
      }).map((warning) => `resourcePolicy: ${warning}`),
  };
}

/** Reads one row of each resource that is not served. */
async function archivedKinds(backup: BackupReader, served: ReadonlyMap<string, boolean>): Promise<ArchivedKind[]> {
  const found: ArchivedKind[] = [];
  for (const resource of await backup.resources()) {
    if (served.has(resource)) continue;
    for await (const { kind, namespace } of backup.rows(resource)) {
      found.push({ resource, kind, namespaced: namespace !== "" });
      break;
    }
  }
  return found;
}

function invalid(problem: string): CodedError<"InvalidSpec"> {
  return new CodedError("InvalidSpec", { fields: ["resourcePolicy"] }, problem);
}
