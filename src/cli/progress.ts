import type { CliIo } from "./io.ts";

const BAR_WIDTH = 20;

/** How far something is: `total` 0 while nobody knows. */
export interface Progress {
  readonly name: string;
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

/** Shows progress on stderr. */
export interface ProgressDisplay {
  show(progress: Progress): void;
  /** Leaves the last state standing and lets other output follow. */
  end(): void;
}

/** A bar that stays on its line on a terminal; elsewhere a plain line for each change. */
export function createProgressDisplay(io: Pick<CliIo, "stderr" | "note">): ProgressDisplay {
  let last = "";
  return {
    show: (progress) => {
      const line = io.stderr.isTTY ? barLine(progress) : plainLine(progress);
      if (line === last) return;
      last = line;
      if (io.stderr.isTTY) io.stderr.write(`\r\u001b[K${line}`);
      else io.note(line);
    },
    end: () => {
      if (io.stderr.isTTY && last !== "") io.stderr.write("\n");
    },
  };
}

function plainLine({ name, state, done, total }: Progress): string {
  return total === 0 ? `${name}  ${state}` : `${name}  ${state}  ${done} of ${total}`;
}

function barLine(progress: Progress): string {
  const { name, state, done, total } = progress;
  if (total === 0) return plainLine(progress);
  const filled = Math.min(BAR_WIDTH, Math.round((BAR_WIDTH * done) / total));
  return `${name}  ${state}  [${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${done} of ${total}`;
}
