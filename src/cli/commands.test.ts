import { describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { loadCommands } from "./commands.ts";
import type { CliIo } from "./io.ts";

const io = { config: {}, clock: systemClock } as unknown as CliIo;

describe("loadCommands", () => {
  const namesFor = async (...argv: string[]): Promise<string[]> =>
    (await loadCommands(io, argv)).map((command) => command.name());

  it("builds every command under its own name where none is named, as for the help", async () => {
    const all = await namesFor();
    expect(all).toEqual([
      "validate",
      "plan",
      "run",
      "status",
      "backup",
      "restore",
      "retention",
      "history",
      "audit",
      "bootstrap",
      "convert",
      "doctor",
    ]);
    for (const argv of [["--help"], ["--help", "status"], ["-h", "status"], ["--version"], ["statsu"]])
      expect(await namesFor(...argv)).toEqual(all);
  });

  it("builds no other than those that are named, and one that an option's value may hide", async () => {
    expect(await namesFor("status")).toEqual(["status"]);
    expect(await namesFor("help", "backup")).toEqual(["backup"]);
    expect(await namesFor("-n", "plan", "status", "--help")).toEqual(["plan", "status"]);
  });

  it("takes no word for a command that only an object has", async () => {
    expect(await namesFor("constructor")).toHaveLength(12);
  });
});
