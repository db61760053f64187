import { CodedError } from "../errors.ts";

/** What the process says with its exit status; printed at the end of every `--help`. */
export const ExitCode = { Done: 0, Failed: 1, Usage: 2, Partial: 3 } as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The lines that end every help text, so that a script's author need not search. */
export const EXIT_CODE_HELP = `
Exit codes:
  0  done
  1  failed
  2  wrong usage, or invalid YAML
  3  partial: it went through, and something in it failed
`;

/** Which status an error ends the process with: what the user wrote is 2, everything else is 1. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof CodedError)) return ExitCode.Failed;
  switch (error.code) {
    case "Usage":
    case "InvalidDocument":
    case "InvalidSpec":
      return ExitCode.Usage;
    default:
      return ExitCode.Failed;
  }
}
