/** The pages name what there is: every flag, variable, Event reason and alert, and no command or file that isn't. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { loadCommands } from "../src/cli/commands.ts";
import type { MutableCliIo } from "../src/cli/io.ts";
import { createProgram } from "../src/cli/root.ts";
import { OCCURRENCE_REASONS } from "../src/report/occurrences.ts";
import { readAlerts } from "./support/alerts.ts";

const ROOT = new URL("..", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
const OPERATIONS = read("docs/operations.md");

// building a command touches nothing of it
const io = { config: {} } as MutableCliIo;
const program = createProgram(io, "0", await loadCommands(io));

describe("docs/operations.md", () => {
  const run = program.commands.find((command) => command.name() === "run");

  it.each((run?.options ?? []).map(({ long }) => [long]))("names %s", (flag) => {
    expect(OPERATIONS).toContain(`\`${flag}\``);
  });

  it("names no flag of `run` that isn't", () => {
    const table = OPERATIONS.slice(OPERATIONS.indexOf("## Flags"), OPERATIONS.indexOf("## Health"));
    const known = [...(run?.options ?? []), ...program.options].map(({ long }) => long);
    const named = [...table.matchAll(/`(--[a-z-]+)`/g)].map(([, flag]) => flag);

    expect(named.filter((flag) => !known.includes(flag))).toEqual([]);
  });

  it("names every variable that is read, but those of tests", () => {
    const variables = [...read("src/cli/config.ts").matchAll(/read\("(HOLDFAST_\w+)"\)/g)].map(([, name]) => name);
    const forPeople = variables.filter((name) => name !== "HOLDFAST_FAULT_AT" && name !== "HOLDFAST_FORCE_COLOR");

    expect(forPeople.length).toBeGreaterThan(5);
    expect(forPeople.filter((name) => !OPERATIONS.includes(`\`${name}\``))).toEqual([]);
  });

  it("names every reason of an Event and every alert", () => {
    const missing = [
      ...OCCURRENCE_REASONS.filter((reason) => !OPERATIONS.includes(`\`${reason}\``)),
      ...readAlerts().filter(({ alert }) => !OPERATIONS.includes(`[${alert}]`)),
    ];

    expect(missing).toEqual([]);
  });
});

/** Every page for people; what `git log` shows as history is not held to today's commands. */
const PAGES = ["README.md", "CONTRIBUTING.md", ...readdirSync(new URL("docs/", ROOT), { recursive: true }).map(String)]
  .filter((name) => name.endsWith(".md") && !/^(?:changelog|adr)\//.test(name))
  .map((name) => (/^[A-Z]/.test(name) ? name : `docs/${name}`));

describe("commands in the pages", () => {
  it.each(PAGES)("%s", (page) => {
    const found = [...read(page).matchAll(/(?:`|^ *|npx )holdfast ((?:[a-z-]+ ?)+(?:[^`\n#]*))/gm)].map(
      ([, words]) => words ?? "",
    );

    expect(found.flatMap(unknownIn)).toEqual([]);
  });
});

describe("links in the pages", () => {
  it.each(PAGES)("%s", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s#]+)/g)].map(([, link]) => link ?? "");
    const local = links.filter((link) => !/^[a-z]+:/.test(link));

    expect(local.filter((link) => !existsSync(new URL(link, new URL(page, ROOT))))).toEqual([]);
  });
});

/** What is no command and no option of it in `backup create --policy x`. */
function unknownIn(words: string): string[] {
  let command: Command = program;
  const unknown: string[] = [];
  for (const word of words.trim().split(/\s+/)) {
    const next = command.commands.find((each) => each.name() === word);
    if (next !== undefined) command = next;
    else if (command === program || command.commands.length > 0) return [words];
    else if (word.startsWith("--")) {
      const options = [...command.options, ...program.options];
      const flag = word.replace(/=.*/, "");
      if (!options.some(({ long }) => long === flag)) unknown.push(`${words}: ${flag}`);
    }
  }
  return unknown;
}
