import type { CliIo } from "./io.ts";

const BAR_WIDTH = 20;

/** How far something is: `total` 0 while nobody knows. */
export interface Progress {
  readonly name: string;
  readonly state: string;
  readonly done: number;
  readonly total: number;
  /** What follows the count as it is: rate, time left, what the total means; absent or "" where there is nothing to say. */
  readonly details?: string;
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

function plainLine(progress: Progress): string {
  const { name, state, total } = progress;
  return total === 0 ? `${name}  ${state}` : `${name}  ${state}  ${countText(progress)}`;
}

function countText({ done, total, details = "" }: Progress): string {
  return `${done} of ${total}${details}`;
}

function barLine(progress: Progress): string {
  const { name, state, done, total } = progress;
  if (total === 0) return plainLine(progress);
  const filled = Math.min(BAR_WIDTH, Math.round((BAR_WIDTH * done) / total));
  return `${name}  ${state}  [${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${countText(progress)}`;
}
