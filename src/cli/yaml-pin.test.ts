import { describe, expect, it } from "vitest";
import { pinYaml } from "./yaml-pin.ts";

const AS_OF = { line: 1, path: ["spec", "source", "policy", "asOf"], value: "2026-03-01T12:00:00Z" } as const;

describe("pinYaml", () => {
  it.each([
    [
      "adds a line and keeps comments, order and quotes",
      "# why\nspec:\n  source:\n    policy:\n      name: 'shop' # ours\n      schedule: daily\n  includedNamespaces: [shop]\n",
      "# why\nspec:\n  source:\n    policy:\n      name: 'shop' # ours\n      asOf: \"2026-03-01T12:00:00Z\"\n      schedule: daily\n  includedNamespaces: [shop]\n",
    ],
    [
      "replaces a value",
      "spec: # s\n  source:\n    policy:\n      asOf: AtMerge # at the merge\n      name: shop\n",
      'spec: # s\n  source:\n    policy:\n      asOf: "2026-03-01T12:00:00Z" # at the merge\n      name: shop\n',
    ],
    [
      "writes into a flow mapping",
      "spec: { source: { policy: { name: shop, schedule: daily } } }\n",
      'spec: { source: { policy: { name: shop, asOf: "2026-03-01T12:00:00Z", schedule: daily } } }\n',
    ],
    [
      "writes into JSON",
      '{"spec": {"source": {"policy": {"name": "shop"}}}}',
      '{"spec": {"source": {"policy": {"name": "shop", "asOf": "2026-03-01T12:00:00Z"}}}}',
    ],
    [
      "keeps CRLF, and the missing end of the last line",
      "spec:\r\n  source:\r\n    policy:\r\n      name: shop",
      'spec:\r\n  source:\r\n    policy:\r\n      name: shop\r\n      asOf: "2026-03-01T12:00:00Z"',
    ],
  ])("%s", (_what, before, after) => {
    expect(pinYaml(before, { ...AS_OF, line: before.startsWith("#") ? 2 : 1 })).toBe(after);
  });

  it("writes into the document it is told to", () => {
    const plan = "spec:\n  approval:\n    mode: PlanDigest\n";

    const pinned = pinYaml(`${plan}---\n${plan}`, { line: 5, path: ["spec", "approval", "planDigest"], value: "ab" });

    expect(pinned).toBe(`${plan}---\n${plan}    planDigest: "ab"\n`);
  });

  it.each([
    ["behind an alias", "p: &p\n  name: shop\nspec:\n  source:\n    policy: *p\n"],
    ["where its mapping is missing", "spec:\n  source:\n    backupName: b\n"],
  ])("refuses %s, and says what to write by hand", (_what, text) => {
    expect(() => pinYaml(text, AS_OF)).toThrow(/add spec\.source\.policy\.asOf: "2026-03-01T12:00:00Z" by hand/);
  });
});
