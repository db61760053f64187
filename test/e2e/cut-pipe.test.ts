import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "../../src/main.ts");

it("ends without a word when its reader has enough, as `| head` has", async () => {
  const child = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));

  const [stderr, code] = await Promise.all([text(child.stderr), ended]);

  expect({ stderr, code }).toEqual({ stderr: "", code: 141 });
});
