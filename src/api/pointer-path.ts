/** Ajv's instance paths as field paths. */
import { parsePointer } from "./patch.ts";
import type { FieldPath } from "./problem.ts";

/** The steps of an RFC 6901 pointer; steps that are numbers are taken for places in a list. */
export function splitPath(pointer: string): FieldPath {
  return parsePointer(pointer).map((step) => (/^(?:0|[1-9]\d*)$/.test(step) ? Number(step) : step));
}
