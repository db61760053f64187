/** Values of Velero's flags. */
import { InvalidArgumentError, Option } from "commander";

/** `a,b` and repeated flags as one list. */
export function collectList(value: string, previous: readonly string[] = []): readonly string[] {
  return [
    ...previous,
    ...value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
  ];
}

/** `a:b,c:d`. */
export function parseMapping(
  value: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const pairs = collectList(value).map((pair) => pair.split(":"));
  for (const [from, to, ...more] of pairs) {
    if (from === undefined || from === "" || to === undefined || to === "" || more.length > 0) {
      throw new InvalidArgumentError("A mapping is written from:to, several with commas.");
    }
  }
  return { ...previous, ...(Object.fromEntries(pairs) as Record<string, string>) };
}

/** `key=value,key=value`. */
export function parsePairs(
  value: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const pairs = collectList(value).map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at < 1) throw new InvalidArgumentError("Pairs are written key=value, several with commas.");
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return { ...previous, ...Object.fromEntries(pairs) };
}

/** `--flag`, `--flag=true` and `--flag=false`. */
export function parseTriState(value: string): boolean {
  if (value === "true" || value === "false") return value === "true";
  throw new InvalidArgumentError("Write true or false.");
}

/** The order of resources: `plan` and `run` must be given the same, or the digest of one is stale for the other. */
export function prioritiesOption(): Option {
  return new Option(
    "--restore-resource-priorities <list>",
    "order of restored resources: those before - first, those after it last (default: Velero's order)",
  ).argParser(collectList);
}
