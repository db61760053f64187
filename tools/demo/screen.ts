/** What the demo says: numbered steps, each with why it matters, then what happened. */
export interface Screen {
  step(title: string, why: string): void;
  say(line: string): void;
  /** Output of a command, set off from the story. */
  block(text: string): void;
}

const INDENT = 3;

export function openScreen(out: NodeJS.WriteStream): Screen {
  const started = performance.now();
  const colour = out.isTTY && process.env.NO_COLOR === undefined;
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const width = Math.min(out.columns ?? 80, 100) - INDENT;
  let steps = 0;
  return {
    step: (title, why) => {
      steps += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      out.write(`\n${paint(1, `${steps}. ${title}`)} ${paint(2, `(${seconds} s)`)}\n`);
      for (const line of wrap(why, width)) out.write(`   ${paint(2, line)}\n`);
    },
    say: (text) => {
      for (const line of wrap(text, width)) out.write(`   ${line}\n`);
    },
    block: (text) => out.write(`${text.trimEnd().replace(/^/gm, "     ")}\n`),
  };
}

/** Lines of at most `width` columns, broken between words; a longer word, such as a command's path, stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
