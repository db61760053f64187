import {
  type CreateNodeOptions,
  type DocumentOptions,
  type SchemaOptions,
  stringify,
  type ToStringOptions,
} from "yaml";

/**
 * YAML that means the same to YAML 1.2 and to kubectl, which reads 1.1: there a bare `on`, `yes` or `0o14` is no text,
 * so it is quoted. Shape: bigint is written digit by digit.
 */
export function yamlText(
  value: unknown,
  options: DocumentOptions & SchemaOptions & CreateNodeOptions & ToStringOptions = {},
): string {
  return stringify(value, { ...options, compat: "yaml-1.1" });
}
