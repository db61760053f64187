/** Files of a tree as text, and what validation says of them; for tests. */
import { type ValidatedTree, type ValidateOptions, validateTree } from "./validate.ts";

export const OPTIONS: ValidateOptions = { defaultNamespace: "holdfast" };

export function tree(files: Readonly<Record<string, string | Uint8Array>>, options = OPTIONS): ValidatedTree {
  const encoder = new TextEncoder();
  const list = Object.entries(files).map(([path, content]) => ({
    path,
    bytes: typeof content === "string" ? encoder.encode(content) : content,
  }));
  return validateTree(list, options);
}

/** The problems of one file, each as `code line:column message`. */
export function problems(text: string | Uint8Array, options = OPTIONS): string[] {
  return tree({ "a.yaml": text }, options).problems.map(
    ({ code, line, column, message }) => `${code} ${line}:${column} ${message}`,
  );
}

export function policy(spec: string, name = "shop"): string {
  return `apiVersion: holdfast.dev/v1alpha1\nkind: BackupPolicy\nmetadata:\n  name: ${name}\nspec:\n${spec}`;
}

export const DAILY = '  schedules:\n    - name: daily\n      cron: "@daily"\n';

export function plan(spec: string): string {
  return `apiVersion: holdfast.dev/v1alpha1\nkind: RestorePlan\nmetadata: {name: r}\nspec:\n${spec}`;
}

export function location(name: string, isDefault = false): string {
  return `apiVersion: holdfast.dev/v1alpha1\nkind: BackupStorageLocation\nmetadata: {name: ${name}}\nspec:\n  provider: filesystem\n  filesystem: {path: /b}\n  default: ${isDefault}\n`;
}
