import { describe, expect, it } from "vitest";
import type { RestorePlan } from "../api/kinds.generated.ts";
import { describeRestore } from "./describe-restore.ts";

const MESSAGE =
  "error restoring configmaps/shop/prices: cannot create configmaps shop/prices: exceeded quota: few, requested: count/configmaps=1; raise the quota or make room, then restore again";

const plan: RestorePlan = {
  apiVersion: "holdfast.dev/v1alpha1",
  kind: "RestorePlan",
  metadata: { name: "shop", namespace: "holdfast" },
  spec: {
    source: { backupName: "shop-daily-20260101000000" },
    existingResourcePolicy: "update",
    existingResourceOverrides: { "jobs.batch": "recreate" },
  },
  status: { phase: "PartiallyFailed", planDigest: "0".repeat(64), errors: 1 },
};

describe("restore describe", () => {
  it.each([80, 120])("fits %d columns and cuts nothing", (width) => {
    const results = { errors: { namespaces: { shop: [MESSAGE] } }, warnings: {} };
    const resourceList = { "v1/ConfigMap": ["shop/prices(failed)"] };

    const lines = describeRestore(plan, { results, resourceList, width }).split("\n");

    expect(lines.filter((line) => [...line].length > width)).toEqual([]);
    expect(lines.join(" ").replace(/ +/g, " ")).toContain(MESSAGE);
    expect(lines.map((line) => line.trim().split(" ").at(-1))).toContain("0".repeat(64));
    expect(lines).toContain("  but of:                 jobs.batch → recreate");
    expect(lines).toContain("    - shop/prices(failed)");
  });

  it("says what decides which backup it is, and what guards it", () => {
    const policy = { name: "shop", schedule: "daily", asOf: "2026-01-02T03:04:05Z" };
    const resourcePolicy = { kind: "ConfigMap", name: "filters" };
    const spec = { source: { policy }, resourcePolicy, gitOpsOwners: "Refuse", safetyBackup: { mode: "Off" } } as const;

    const lines = describeRestore({ ...plan, spec }, { results: {}, resourceList: undefined, width: 80 }).split("\n");

    expect(lines).toContain("Policy:                   shop, schedule daily, as of 2026-01-02T03:04:05Z");
    expect(lines).toContain("Resource policy:          filters");
    expect(lines).toContain("GitOps owners:            Refuse");
    expect(lines).toContain("Safety backup mode:       Off");
  });

  it("prints no control character of a message", () => {
    const results = { errors: { cluster: ["\u001b[2Jgone\u0007"] }, warnings: {} };

    expect(describeRestore(plan, { results, resourceList: undefined, width: 80 }).replaceAll("\n", "")).not.toMatch(
      /\p{Cc}/u,
    );
  });
});
