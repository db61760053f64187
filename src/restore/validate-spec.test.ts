import { expect, it } from "vitest";
import type { RestorePlanSpec } from "../api/kinds.generated.ts";
import { restoreSpecProblems } from "./validate-spec.ts";

it("refuses an init container that lacks name, image or command, whatever it holds instead", () => {
  const complete = { name: "i", image: "x", command: ["run"] };
  const initContainers = [complete, { name: "i", image: "x" }, { ...complete, image: "" }, {}];
  const hooks = { resources: [{ name: "h", postHooks: [{ init: { initContainers } }] }] };
  const spec = { source: { backupName: "b" }, hooks } as unknown as RestorePlanSpec;

  expect(restoreSpecProblems(spec)).toEqual(
    Array.from({ length: 3 }, () => "hook h: an init container needs name, image and command"),
  );
});
