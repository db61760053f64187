/**
 * Glob patterns of filters: `*`, `?`, `[a-z]`, `[!a]`, `{a,b}` and `\` to escape, with no separator, so that `*`
 * crosses dots. Matching takes time proportional to pattern times text: what users write can't stall us.
 */

/** True when `text` carries a character that makes it a pattern and not a plain name. */
export function isGlob(text: string): boolean {
  return /[*?[{\\]/.test(text);
}

/**
 * Compiles a pattern into a predicate. A pattern that can't be read (an open bracket, an empty class, more than 1,000
 * alternatives) matches nothing, as in Velero.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (pattern === "*") return () => true;
  if (!isGlob(pattern)) return (text) => text === pattern;
  const alternatives = expandBraces(pattern);
  const compiled: (readonly Token[])[] = [];
  for (const alternative of alternatives ?? []) {
    const tokens = tokenize(alternative);
    if (tokens === undefined) return () => false;
    compiled.push(tokens);
  }
  return (text) => compiled.some((tokens) => matches(tokens, text));
}

/** Why a pattern can't be read; undefined when it can. */
export function globProblem(pattern: string): string | undefined {
  if (!isGlob(pattern)) return undefined;
  const alternatives = expandBraces(pattern);
  if (alternatives === undefined) return "a brace is open, or stands for too many patterns";
  const isReadable = alternatives.every((alternative) => tokenize(alternative) !== undefined);
  return isReadable ? undefined : "a bracket is open or empty";
}

type Token =
  | { readonly type: "literal"; readonly char: string }
  | { readonly type: "any" }
  | { readonly type: "many" }
  | { readonly type: "class"; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

const MAX_ALTERNATIVES = 1000;

/** Every pattern that `{a,b}` stands for; undefined when the braces don't balance or there are too many. */
function expandBraces(pattern: string): string[] | undefined {
  const open = findOutside(pattern, "{", 0);
  if (open < 0) return [pattern];
  const parts = splitGroup(pattern, open);
  if (parts === undefined) return undefined;
  const expanded: string[] = [];
  for (const choice of parts.choices) {
    const rest = expandBraces(pattern.slice(0, open) + choice + parts.after);
    if (rest === undefined || expanded.length + rest.length > MAX_ALTERNATIVES) return undefined;
    expanded.push(...rest);
  }
  return expanded;
}

function splitGroup(pattern: string, open: number): { choices: string[]; after: string } | undefined {
  const choices: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = open; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === "\\") at++;
    else if (char === "{") depth++;
    else if (char === "," && depth === 1) {
      choices.push(pattern.slice(start, at));
      start = at + 1;
    } else if (char === "}" && --depth === 0) {
      choices.push(pattern.slice(start, at));
      return { choices, after: pattern.slice(at + 1) };
    }
  }
  return undefined;
}

function findOutside(pattern: string, wanted: string, from: number): number {
  for (let at = from; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === wanted) return at;
  }
  return -1;
}

function tokenize(pattern: string): Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; ) {
    const read = tokenAt(pattern, at);
    if (read === undefined) return undefined;
    // Two stars in a row are one: the matcher has a single point of return.
    if (read.token.type !== "many" || tokens.at(-1)?.type !== "many") tokens.push(read.token);
    at = read.next;
  }
  return tokens;
}

function tokenAt(pattern: string, at: number): { token: Token; next: number } | undefined {
  switch (pattern[at]) {
    case "*":
      return { token: { type: "many" }, next: at + 1 };
    case "?":
      return { token: { type: "any" }, next: at + 1 };
    case "\\":
      return { token: { type: "literal", char: pattern.charAt(at + 1) }, next: at + 2 };
    case "[": {
      const end = pattern.indexOf("]", at + 1);
      const token = end < 0 ? undefined : characterClass(pattern.slice(at + 1, end));
      return token === undefined ? undefined : { token, next: end + 1 };
    }
    default:
      return { token: { type: "literal", char: pattern.charAt(at) }, next: at + 1 };
  }
}

function characterClass(body: string): Token | undefined {
  const negated = body.startsWith("!") || body.startsWith("^");
  const chars = negated ? body.slice(1) : body;
  if (chars === "") return undefined;
  const ranges: [string, string][] = [];
  for (let at = 0; at < chars.length; at++) {
    const low = chars.charAt(at);
    const isRange = chars[at + 1] === "-" && at + 2 < chars.length;
    ranges.push([low, isRange ? chars.charAt(at + 2) : low]);
    if (isRange) at += 2;
  }
  return { type: "class", negated, ranges };
}

/** Greedy with one point of return: the last `*` takes one more character at each mismatch. */
function matches(tokens: readonly Token[], text: string): boolean {
  let token = 0;
  let star = -1;
  let resume = 0;
  let at = 0;
  while (at < text.length) {
    const current = tokens[token];
    if (current?.type === "many") {
      star = token++;
      resume = at;
    } else if (current !== undefined && matchesOne(current, text.charAt(at))) {
      token++;
      at++;
    } else if (star >= 0) {
      token = star + 1;
      at = ++resume;
    } else return false;
  }
  while (tokens[token]?.type === "many") token++;
  return token === tokens.length;
}

function matchesOne(token: Token, char: string): boolean {
  switch (token.type) {
    case "literal":
      return token.char === char;
    case "any":
      return true;
    case "many":
      return false;
    case "class":
      return token.ranges.some(([low, high]) => low <= char && char <= high) !== token.negated;
  }
}
