import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { validateTree } from "../api/validate.ts";
import { CodedError } from "../errors.ts";
import type { CliIo } from "./io.ts";

/** Stands for standard input, as with kubectl. */
export const STDIN = "-";

/** A plan and the line of its file that it begins in. */
export interface WrittenPlan {
  readonly plan: RestorePlan;
  readonly line: number;
}

/** The RestorePlans of a file, or of standard input as `-`. @throws {Usage} when it can't be read or holds none, @throws {InvalidDocument} */
export async function readPlanFile(
  io: CliIo,
  file: string,
): Promise<{ readonly text: string; readonly plans: readonly WrittenPlan[] }> {
  const bytes = await (file === STDIN ? buffer(process.stdin) : readFile(file)).catch((error: unknown) => {
    throw new CodedError("Usage", { argument: file }, `cannot read ${file}`, { cause: error });
  });
  const tree = validateTree([{ path: file === STDIN ? "stdin.yaml" : file, bytes }], {
    defaultNamespace: io.options().namespace,
  });
  if (tree.problems.length > 0) {
    const problems = tree.problems.map(({ code, message, line, column }) => ({
      code,
      message,
      at: `${file}:${line}:${column}`,
    }));
    throw new CodedError("InvalidDocument", { problems }, `${file} is not valid`);
  }
  const plans = tree.documents
    .filter(({ kind }) => kind === "RestorePlan")
    .map(({ object, line }) => ({ plan: object as unknown as RestorePlan, line }));
  if (plans.length > 0) return { text: bytes.toString("utf8"), plans };
  throw new CodedError(
    "Usage",
    { argument: file },
    `${file} holds no RestorePlan: scaffold one with \`holdfast restore create --dry-run\``,
  );
}
