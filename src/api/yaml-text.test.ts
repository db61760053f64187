import { describe, expect, it } from "vitest";
import { yamlText } from "./yaml-text.ts";

describe("YAML for kubectl", () => {
  it.each(["on", "off", "yes", "No", "y", "0o14", "014", "12:30:45", "1_000", "1e3", "true", "~"])(
    "quotes %s, which YAML 1.1 does not read as text",
    (text) => {
      expect(yamlText({ [text]: text })).toBe(`"${text}": "${text}"\n`);
    },
  );

  it("leaves other text and numbers bare", () => {
    expect(yamlText({ name: "web", port: 8080, long: 9007199254740993n })).toBe(
      "name: web\nport: 8080\nlong: 9007199254740993\n",
    );
  });
});
