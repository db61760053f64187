/** The known word nearest to a mistyped one. */

/**
 * The nearest of `known` within a third of the word's length (at least one edit), or undefined. Of equally near ones that
 * which the word begins: `Of` was to be `Off`, not `On`.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const isNearer = distance < bestDistance || (distance === bestDistance && isBegun(word, candidate, best));
    if (isNearer && (distance > 0 || candidate !== word)) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function isBegun(word: string, candidate: string, best: string | undefined): boolean {
  const begins = (text: string): boolean => text.toLowerCase().startsWith(word.toLowerCase());
  return best !== undefined && begins(candidate) && !begins(best);
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}
