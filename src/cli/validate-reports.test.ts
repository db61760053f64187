import { describe, expect, it } from "vitest";
import { validateTree } from "../api/validate.ts";
import { gitHubAnnotations, sarifReport } from "./validate-reports.ts";

const BAD = `apiVersion: holdfast.dev/v1alpha1
kind: BackupPolicy
metadata: { name: shop, namespace: holdfast }
spec:
  schedules:
    - { name: daily, corn: "0 2 * * *" }
`;
const tree = (path: string) => validateTree([{ path, bytes: Buffer.from(BAD) }], { defaultNamespace: "holdfast" });

describe("validation for code forges", () => {
  it("is SARIF with rule, level, place and remedy", () => {
    const report = sarifReport(tree("./policies/a b.yaml")) as {
      runs: [{ results: object[]; tool: { driver: { rules: object[] } } }];
    };

    const [{ results, tool }] = report.runs;
    expect(results).toContainEqual({
      ruleId: "UnknownField",
      level: "error",
      message: { text: expect.stringMatching(/corn.*cron/) },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: "policies/a%20b.yaml" },
            region: { startLine: 6, startColumn: 22 },
          },
        },
      ],
    });
    expect(tool.driver.rules).toContainEqual({ id: "UnknownField", shortDescription: { text: "Unknown Field" } });
  });

  it("is one annotation a line, whatever a file is called", () => {
    const text = gitHubAnnotations(tree("a,b:c%\n::error::x.yaml"));

    for (const line of text.split("\n"))
      expect(line).toMatch(/^::error file=a%2Cb%3Ac%25%0A%3A%3Aerror%3A%3Ax\.yaml,line=6,col=\d+,title=[A-Za-z]+::/);
  });

  it("says nothing of what is valid", () => {
    const empty = validateTree([], { defaultNamespace: "holdfast" });

    expect(gitHubAnnotations(empty)).toBe("");
    expect(sarifReport(empty)).toMatchObject({ version: "2.1.0", runs: [{ results: [] }] });
  });
});
