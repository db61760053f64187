import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { readConfig } from "./config.ts";
import { createCliIo } from "./io.ts";
import { createProgram, runCli } from "./root.ts";

/** Runs one command line of a program that has `pot boil <water> [--hot]`. */
async function run(...argv: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  const written = { stdout: "", stderr: "" };
  const io = createCliIo({
    stdout: { isTTY: false, write: (text) => (written.stdout += text) },
    stderr: { isTTY: false, write: (text) => (written.stderr += text) },
    width: 80,
    config: readConfig({}),
    clock: systemClock,
    log: silentLogger,
    signal: new AbortController().signal,
    buildDeps: () => {
      throw new Error("nothing here needs a cluster");
    },
  });
  const boil = new Command("boil")
    .argument("<water>")
    .option("--hot", "how it is wanted")
    .action(() => {});
  await runCli(io, createProgram(io, "0.0.0", [new Command("pot").addCommand(boil)]), argv);
  return { ...written, exitCode: io.exitCode };
}

describe("a command line that is wrong", () => {
  it.each([
    [
      "an unknown option",
      ["pot", "boil", "tap", "--hoot"],
      "unknown option '--hoot' (Did you mean --hot?)",
      "pot boil",
    ],
    ["a missing argument", ["pot", "boil"], "missing required argument 'water'", "pot boil"],
    ["an unknown command", ["pot", "bowl"], "unknown command 'bowl' (Did you mean boil?)", "pot"],
  ])("is refused with the help that tells better: %s", async (_, argv, message, command) => {
    expect(await run(...argv)).toEqual({
      stdout: "",
      stderr: `holdfast: ${message} [Usage]\n  see \`holdfast ${command} --help\`\n`,
      exitCode: 2,
    });
  });

  it("is refused as JSON to who reads JSON", async () => {
    const { stderr, exitCode } = await run("pot", "boil", "-o", "json");

    expect(JSON.parse(stderr)).toEqual({ error: { code: "Usage", message: "missing required argument 'water'" } });
    expect(exitCode).toBe(2);
  });
});

describe("the help of a command", () => {
  it("names the options that every command understands", async () => {
    const { stdout, exitCode } = await run("pot", "boil", "--help");

    expect(stdout).toMatch(/Global Options:[\s\S]* -n, --namespace <name> [\s\S]* --cluster <name> /);
    expect(exitCode).toBe(0);
  });
});
