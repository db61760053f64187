import { describe, expect, it } from "vitest";
import { type DescribedBackup, describeBackup } from "./backup-describe.ts";
import type { DescribedResourcePolicy } from "./resource-policy-text.ts";

const MESSAGE = "fail to get the namespace shop-of-a-team-with-a-long-name specified in backup.Spec.IncludedNamespaces";
const REASON = "podvolume: opted out due to annotation in pod;csiSnapshot: no CSI driver for volumes of this class;";
const LONG_NAME = `shop/${"n".repeat(90)}`;

const described: DescribedBackup = {
  marker: {
    apiVersion: "velero.io/v1",
    kind: "Backup",
    metadata: { name: "shop-daily-20260101000000", namespace: "holdfast" },
    spec: { includedNamespaces: ["shop"], ttl: "720h0m0s" },
    status: { phase: "PartiallyFailed", expiration: "2026-01-31T00:00:00Z" },
  },
  manifestSha256: "0".repeat(64),
  results: {
    errors: { velero: [` resource: /namespaces message: /${MESSAGE}`] },
    warnings: { cluster: ["one"], namespaces: { shop: ["two", "three"] } },
  },
  volumes: [{ pvName: "pv", pvcNamespace: "shop", pvcName: "disk", skipped: true, skippedReason: REASON }],
  resourceList: { "v1/ConfigMap": ["shop/prices", LONG_NAME] },
};

const linesOf = (backup: DescribedBackup, width = 80): string[] => describeBackup(backup, width).split("\n");

/** The lines about its resource policy, of a backup that Holdfast made. */
function policyLinesOf(
  resourcePolicy: DescribedResourcePolicy | undefined,
  more: { readonly annotations?: Readonly<Record<string, string>>; readonly global?: DescribedResourcePolicy } = {},
): string[] {
  const { annotations = {}, global } = more;
  const metadata = { ...described.marker.metadata, annotations };
  const marker = { ...described.marker, metadata, spec: { resourcePolicy: { kind: "configmap", name: "shop" } } };
  const head = { cluster: "prod", namespace: "holdfast", items: 1, resources: {}, archiveSizeBytes: 1 };
  const manifest = {
    ...head,
    ...(resourcePolicy === undefined ? {} : { resourcePolicy }),
    ...(global === undefined ? {} : { globalVolumePolicies: global }),
  };
  const lines = linesOf({ marker, manifest });
  const from = lines.findIndex((line) => line.startsWith("Policy map"));
  return lines.slice(from, lines.indexOf("", from));
}

describe("backup describe", () => {
  it.each([80, 120])("fits %d columns, and cuts neither a message nor a digest nor a name", (width) => {
    const lines = linesOf(described, width);
    const words = lines.join(" ").replace(/ +/g, " ");

    expect(lines.filter((line) => line.length > width && !line.includes(LONG_NAME))).toEqual([]);
    expect(words).toContain(`namespaces ${MESSAGE}`);
    expect(words).toContain("no CSI driver for volumes of this class");
    expect(words).toContain("0".repeat(64));
    expect(words).toContain(LONG_NAME);
  });

  it("gives each message, volume and object a line that begins with a dash, below what it is of", () => {
    const lines = linesOf({ ...described, resourceList: { "v1/Secret": ["shop/db"], "v1/Node": ["n1"] } });

    const warnings = lines.indexOf("Warnings:");
    expect(lines.slice(warnings, warnings + 6)).toEqual([
      "Warnings:",
      "  Cluster:",
      "    - one",
      "  shop:",
      "    - two",
      "    - three",
    ]);
    const objects = lines.indexOf("Resource list:");
    expect(lines.slice(objects, objects + 5)).toEqual([
      "Resource list:",
      "  v1/Secret:",
      "    - shop/db",
      "  v1/Node:",
      "    - n1",
    ]);
    expect(lines.filter((line) => /^ *:/.test(line))).toEqual([]);
  });

  it("promises no time to a backup that has not ended", () => {
    const { marker } = described;
    const running = { marker: { ...marker, status: { phase: "InProgress" } } };
    const kept = { marker: { ...marker, status: { phase: "Completed" } } };

    expect(linesOf(running)).toContain("Expires:      <none>");
    expect(linesOf(kept)).toContain("Expires:      never by age alone");
  });

  it("says what a backup that has not begun waits for", () => {
    const message = "location main is not available: bucket gone";
    const ready = { type: "Ready", status: "False", reason: "AwaitingLocation", message };
    const waiting = { marker: { ...described.marker, status: { phase: "New", conditions: [ready] } } };

    expect(linesOf(waiting)).toContain(`Not begun:    ${message} [AwaitingLocation]`);
  });

  it("tells each rule of the policy that the backup was made by", () => {
    const content = {
      version: "v1",
      includeExcludePolicy: {
        excludedNamespaceScopedResources: ["events", "pods"],
        includedClusterScopedResources: [],
      },
      namespacedFilterPolicies: [
        {
          namespaces: ["shop", "shop-*"],
          resourceFilters: [
            { kinds: ["ConfigMap", "Secret"], names: ["app-*"], excludedNames: ["*-tmp"] },
            { kinds: ["Pod"], orLabelSelectors: [{ matchLabels: { a: "1" } }, { matchLabels: { b: "2", c: "3" } }] },
            {
              kinds: ["*"],
              labelSelector: { matchExpressions: [{ key: "tier", operator: "In", values: ["x", "y"] }] },
            },
          ],
        },
        { namespaces: ["db"], resourceFilters: [{}] },
      ],
      clusterScopedFilterPolicy: { resourceFilters: [{ kinds: ["ClusterRole"], names: ["shop-*"] }] },
      volumePolicies: [
        {
          conditions: {
            capacity: "0,10Gi",
            storageClass: ["fast", "slow"],
            csi: { driver: "disk.example.com", volumeAttributes: { tier: "hot" } },
            pvcLabels: { keep: "no" },
            pvcPhase: null,
          },
          action: { type: "skip" },
        },
        { conditions: { nfs: {}, volumeTypes: [] }, action: { type: "custom", parameters: { tool: "own" } } },
        { action: { type: "custom" } },
      ],
    };

    expect(policyLinesOf({ namespace: "ops", name: "shop", content })).toEqual([
      "Policy map:   ConfigMap ops/shop",
      "  Kinds of which the spec says nothing:",
      "    - namespaced excluded events, pods",
      "  In namespaces shop, shop-*, only:",
      "    - ConfigMap, Secret: names app-*; not the names *-tmp",
      "    - Pod: labels a=1 or b=2,c=3",
      "    - every other kind: labels tier in (x,y)",
      "  In namespaces db, only:",
      "    - every other kind: all",
      "  Of cluster-scoped kinds:",
      "    - ClusterRole: names shop-*",
      "  Volumes, by the first that fits:",
      "    - skip: capacity 0,10Gi; storageClass fast, slow; csi driver",
      "      disk.example.com, volumeAttributes tier=hot; pvcLabels keep=no",
      '    - custom with {"tool":"own"}: nfs',
      "    - custom: every volume",
    ]);
  });

  it("tells the rules for volumes of every backup behind its own, once", () => {
    const content = { version: "v1", volumePolicies: [{ action: { type: "skip" } }] };
    const global = { namespace: "holdfast", name: "all", content };
    const annotations = { "velero.io/global-backup-volume-policy-configmap": "all" };
    const rules = ["  Volumes, by the first that fits:", "    - skip: every volume"];
    const order = "              What it says of volumes comes after the policy map.";
    const own = { namespace: "ops", name: "shop", content };

    expect(policyLinesOf(own, { annotations, global })).toEqual([
      ...["Policy map:   ConfigMap ops/shop", ...rules],
      ...["Global map:   ConfigMap holdfast/all", order, ...rules],
    ]);
    expect(
      linesOf({ marker: { ...described.marker, metadata: { name: "a", namespace: "velero", annotations } } }),
    ).toEqual(
      expect.arrayContaining([
        "Global map:   ConfigMap velero/all",
        "              What it said is not recorded here: see what it says now.",
      ]),
    );
  });

  it("says where to look for the policy of a backup that has none recorded", () => {
    expect(policyLinesOf(undefined)).toEqual([
      "Policy map:   ConfigMap holdfast/shop",
      "              What it said is not recorded here: see what it says now.",
    ]);
  });

  it("prints no control character of a message", () => {
    const results = { errors: { cluster: ["\u001b[2Jgone\u0007"] } };

    expect(describeBackup({ ...described, results }, 80).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});
