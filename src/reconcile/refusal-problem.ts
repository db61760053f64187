import type { Problem } from "../api/problem.ts";
import type { RefusedEntry } from "../git/remote.ts";

const REFUSALS = {
  symlink: { code: "SymbolicLink", hint: "put the file itself here" },
  submodule: { code: "Submodule", hint: "put the files themselves here" },
  size: { code: "TooLarge", hint: "split it into several files" },
} as const;

/** An entry of a tree that is never read, as a problem of its file. */
export function refusalProblem({ type, path, why }: RefusedEntry): Problem {
  return { ...REFUSALS[type], message: why, file: path, line: 1, column: 1 };
}
