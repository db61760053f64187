import { describe, expect, it } from "vitest";
import { createProgressDisplay } from "./progress.ts";

function screen(isTTY: boolean): {
  stderr: { isTTY: boolean; write(text: string): void };
  note(text: string): void;
  text: string;
} {
  const io = {
    text: "",
    stderr: {
      isTTY,
      write: (text: string) => {
        io.text += text;
      },
    },
    note: (text: string) => {
      io.text += `${text}\n`;
    },
  };
  return io;
}

describe("progress", () => {
  it("redraws one line on a terminal", () => {
    const io = screen(true);
    const display = createProgressDisplay(io);

    display.show({ name: "b", state: "InProgress", done: 0, total: 0 });
    display.show({ name: "b", state: "InProgress", done: 5, total: 10 });
    display.end();

    expect(io.text).toBe("\r\u001b[Kb  InProgress\r\u001b[Kb  InProgress  [##########..........] 5 of 10\n");
  });

  it("says what else is known behind the count", () => {
    const io = screen(true);

    createProgressDisplay(io).show({
      name: "b",
      state: "InProgress",
      done: 5,
      total: 10,
      details: ", 7/s, about 1 s left",
    });

    expect(io.text).toBe("\r\u001b[Kb  InProgress  [##########..........] 5 of 10, 7/s, about 1 s left");
  });

  it("writes a line for each change elsewhere, and none twice", () => {
    const io = screen(false);
    const display = createProgressDisplay(io);

    display.show({ name: "b", state: "New", done: 0, total: 0 });
    display.show({ name: "b", state: "New", done: 0, total: 0 });
    display.show({ name: "b", state: "InProgress", done: 5, total: 10 });
    display.end();

    expect(io.text).toBe("b  New\nb  InProgress  5 of 10\n");
  });
});
