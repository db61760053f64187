/** Which fields of an object a GitOps controller has set, as the API server has written it down (`managedFields`). Pure. */
import type { KubeObject } from "../api/object.ts";
import { parsePointer } from "../api/patch.ts";
import { listOf, recordOf } from "./owner.ts";

/** Field managers that put back what they have set. */
const GIT_MANAGERS: ReadonlySet<string> = new Set([
  "kustomize-controller",
  "helm-controller",
  "argocd-controller",
  "argocd-application-controller",
]);

/** The sets of fields that GitOps controllers own of one object. */
export interface GitFields {
  /** The manager that owns the field at an RFC 6901 pointer, or a field inside or around it; undefined for nobody. */
  managerOf(pointer: string): string | undefined;
  /** True when a GitOps controller has written any field. */
  readonly isApplied: boolean;
}

/** Reads who owns what. Pointers are followed through `object` as it is: it must be the live one. */
export function gitFieldsOf(object: KubeObject): GitFields {
  const sets = listOf(object.metadata.managedFields).flatMap(({ manager, fieldsV1, subresource }) =>
    typeof manager === "string" && GIT_MANAGERS.has(manager) && subresource === undefined
      ? [{ manager, fields: recordOf(fieldsV1) }]
      : [],
  );
  return {
    isApplied: sets.length > 0,
    managerOf: (pointer) => sets.find(({ fields }) => holds(fields, object, parsePointer(pointer)))?.manager,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A set's entry without entries inside is a whole: a scalar, or a list or map that is replaced at once. */
function holds(fields: Fields, value: unknown, tokens: readonly string[]): boolean {
  const [token, ...rest] = tokens;
  if (token === undefined) return true;
  const inner = Array.isArray(value) ? itemFields(fields, value[Number(token)]) : fields[`f:${token}`];
  if (inner === undefined) return false;
  const deeper = recordOf(inner);
  return Object.keys(deeper).length === 0 || holds(deeper, childOf(value, token), rest);
}

/** Items of a list are named by their keys (`k:{"name":"web"}`) or by their value (`v:"a"`), never by their place. */
function itemFields(fields: Fields, item: unknown): unknown {
  for (const [key, inner] of Object.entries(fields)) {
    if (key.startsWith("v:") && key.slice(2) === JSON.stringify(item)) return inner;
    if (key.startsWith("k:") && isNamedBy(item, key.slice(2))) return inner;
  }
  return undefined;
}

function isNamedBy(item: unknown, keys: string): boolean {
  try {
    const named = Object.entries(recordOf(JSON.parse(keys)));
    return named.length > 0 && named.every(([key, value]) => recordOf(item)[key] === value);
  } catch {
    return false;
  }
}

function childOf(value: unknown, token: string): unknown {
  return Array.isArray(value) ? value[Number(token)] : recordOf(value)[token];
}
