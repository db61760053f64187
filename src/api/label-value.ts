import { sha256 } from "./digest.ts";

/** Velero's GetValidName: a name as a label value, cut to 57 characters and six digits of its SHA-256 where it is longer than 63. */
export function labelValue(name: string): string {
  return name.length <= 63 ? name : name.slice(0, 57) + sha256(name).slice(0, 6);
}
