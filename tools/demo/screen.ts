/** What the demo says: numbered steps, each with why it matters, then what happened. */
export interface Screen {
  step(title: string, why: string): void;
  say(line: string): void;
  /** Output of a command, set off from the story. */
  block(text: string): void;
}

export function openScreen(out: NodeJS.WriteStream): Screen {
  const started = performance.now();
  const colour = out.isTTY && process.env.NO_COLOR === undefined;
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  let steps = 0;
  return {
    step: (title, why) => {
      steps += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      out.write(`\n${paint(1, `${steps}. ${title}`)} ${paint(2, `(${seconds} s)`)}\n   ${paint(2, why)}\n`);
    },
    say: (line) => out.write(`   ${line}\n`),
    block: (text) => out.write(`${text.trimEnd().replace(/^/gm, "     ")}\n`),
  };
}
