/** Objects on which our validator and the API server must agree, by kind. */
import type { KindName } from "../../src/api/kinds.ts";

export interface Case {
  readonly kind: KindName;
  readonly what: string;
  readonly spec: unknown;
  readonly name?: string;
  readonly labels?: Readonly<Record<string, unknown>>;
  /** Fields beside `spec`. */
  readonly beside?: Readonly<Record<string, unknown>>;
}

const HEX = "0123456789abcdef".repeat(4);
const SCHEDULE = { name: "daily", cron: "@daily" };

function of(kind: KindName, cases: Readonly<Record<string, unknown>>): Case[] {
  return Object.entries(cases).map(([what, spec]) => ({ kind, what, spec }));
}

/** Both must take these. */
export const GOOD: readonly Case[] = [
  ...of("GitSource", {
    "an address": { url: "https://git.example.com/ops/cluster.git" },
    everything: {
      url: "http://git.example.com:8080/ops/cluster.git",
      ref: { branch: "main" },
      path: "clusters/prod",
      interval: "1m30s",
      secretRef: { name: "git" },
      mode: "Observe",
      prune: true,
      suspend: false,
      statusBranch: "holdfast/prod",
    },
    "the root as a path": { url: "https://git.example.com/a", path: "." },
    "a hidden folder below": { url: "https://git.example.com/a", path: "./clusters/a/" },
  }),
  ...of("BackupStorageLocation", {
    "a folder": { provider: "filesystem", filesystem: { path: "/backups" } },
    "a bucket": { provider: "s3", s3: { bucket: "backups" } },
    "a whole bucket": {
      provider: "s3",
      s3: {
        bucket: "backups",
        prefix: "prod",
        region: "eu-central-1",
        endpoint: "https://s3.example.com",
        forcePathStyle: true,
        credentialsSecretRef: { name: "s3", key: "cloud" },
        caBundle: "-----BEGIN CERTIFICATE-----",
        serverSideEncryption: "aws:kms",
        kmsKeyId: "alias/backups",
      },
      accessMode: "ReadOnly",
      default: true,
      validationFrequency: "0s",
      syncPeriod: "1h30m0s",
    },
  }),
  ...of("BackupPolicy", {
    "one schedule": { schedules: [SCHEDULE] },
    "four tiers": {
      schedules: [
        { name: "hourly", cron: "@every 1h", ttl: "25h" },
        { name: "daily", cron: "@daily", ttl: "730h", timeZone: "Europe/Berlin" },
        { name: "monthly", cron: "@monthly", ttl: "8760h", jitter: "10m" },
        { name: "yearly", cron: "@yearly", ttl: "0s", firstRun: "Immediate", overlap: "Allow", suspend: true },
      ],
      template: { includedNamespaces: ["shop-*"], storageLocation: "main" },
      suspend: true,
      catchUp: false,
    },
    "a template with hooks": {
      schedules: [SCHEDULE],
      template: {
        hooks: {
          resources: [
            {
              name: "freeze",
              includedNamespaces: ["db"],
              labelSelector: { matchLabels: { app: "db" } },
              pre: [{ exec: { container: "db", command: ["/bin/sync"], onError: "Continue", timeout: "1m" } }],
              post: [{ exec: { command: ["/bin/true"] } }],
            },
          ],
        },
      },
    },
  }),
  ...of("Backup", {
    nothing: {},
    "old filters": {
      includedResources: ["deployments.apps", "po"],
      excludedNamespaces: ["kube-*"],
      includeClusterResources: false,
    },
    "scoped filters": { includedClusterScopedResources: ["*"], excludedNamespaceScopedResources: ["secrets"] },
    "an empty list beside scoped filters": { includedResources: [], includedClusterScopedResources: ["*"] },
    "a selector beside no others": { labelSelector: { matchLabels: { a: "b" } }, orLabelSelectors: [] },
    selectors: {
      orLabelSelectors: [
        { matchLabels: { app: "web" } },
        { matchExpressions: [{ key: "tier", operator: "In", values: ["a", "b"] }] },
      ],
    },
    rest: {
      orderedResources: { pods: "a/b,a/c", persistentvolumes: "pv1" },
      resourcePolicy: { kind: "configmap", name: "volumes" },
      snapshotVolumes: false,
      apiVersions: "All",
      storageLocation: "main",
      ttl: "720h0m0s",
    },
    "ttl without a unit for zero": { ttl: "0" },
  }),
  ...of("RestorePlan", {
    "a backup": { source: { backupName: "shop-daily-20260101030000" } },
    "a policy": {
      source: { policy: { name: "shop", schedule: "daily", asOf: "2026-01-01T03:00:00Z", allowPartiallyFailed: true } },
    },
    "a policy at merge": { source: { policy: { name: "shop", asOf: "AtMerge" } } },
    "an undo": { source: { undoOf: "shop-20260101030000" } },
    "a forced undo": { source: { undoOf: "shop-20260101030000", force: true } },
    everything: {
      source: { backupName: "b" },
      includedNamespaces: ["shop"],
      excludedResources: ["secrets"],
      includedNames: ["web-*"],
      includeClusterResources: true,
      labelSelector: { matchLabels: { app: "web" } },
      namespaceMapping: { shop: "shop-copy" },
      storageClassMapping: { fast: "slow" },
      existingResourcePolicy: "update",
      existingResourceOverrides: { configmaps: "recreate", "*.example.com": "fail" },
      modifiers: [
        {
          conditions: {
            groupResource: "deployments.apps",
            resourceNameRegex: "^web-.*$",
            matches: [{ path: "/spec/replicas", value: "1" }],
          },
          patches: [{ operation: "replace", path: "/spec/replicas", value: "0" }],
        },
        { conditions: { groupResource: "*" }, mergePatches: [{ patchData: "{}" }] },
      ],
      resourceModifier: { kind: "ConfigMap", name: "mods" },
      resourcePolicy: { kind: "configmap", name: "filters" },
      hooks: {
        resources: [
          {
            name: "migrate",
            postHooks: [
              {
                init: {
                  initContainers: [
                    { name: "i", image: "busybox", command: ["true"], env: [{ name: "A", value: "b" }] },
                  ],
                },
              },
              {
                exec: { command: ["true"], onError: "Fail", execTimeout: "30s", waitTimeout: "5m", waitForReady: true },
              },
            ],
          },
        ],
      },
      preserveNodePorts: true,
      restoreStatus: { includedResources: ["*"] },
      approval: { mode: "PlanDigest", planDigest: HEX, acceptUnreadable: ["Git", "Bucket"] },
      safetyBackup: { mode: "Off" },
      runId: "2",
    },
  }),
  { kind: "Backup", what: "a name of 200 characters", spec: {}, name: "a".repeat(200) },
  {
    kind: "BackupPolicy",
    what: "labels",
    spec: { schedules: [SCHEDULE] },
    labels: { "example.com/team": "a", empty: "" },
  },
];

/** Both must refuse these. */
export const BAD: readonly Case[] = [
  ...of("GitSource", {
    nothing: {},
    "a credential in the address": { url: "https://user:secret@git.example.com/a" },
    ssh: { url: "ssh://git@git.example.com/a" },
    "a query": { url: "https://git.example.com/a?token=1" },
    "a path outside": { url: "https://git.example.com/a", path: "../b" },
    "an absolute path": { url: "https://git.example.com/a", path: "/b" },
    "an unknown field": { url: "https://git.example.com/a", branch: "main" },
    "an unknown field inside": { url: "https://git.example.com/a", ref: { tag: "v1" } },
    "a mode": { url: "https://git.example.com/a", mode: "apply" },
    "an interval without a unit": { url: "https://git.example.com/a", interval: "60" },
    "an interval as a number": { url: "https://git.example.com/a", interval: 60 },
    "prune as text": { url: "https://git.example.com/a", prune: "true" },
    "a null": { url: null },
  }),
  ...of("BackupStorageLocation", {
    "no provider": { filesystem: { path: "/a" } },
    "an unknown provider": { provider: "gcs", s3: { bucket: "abc" } },
    "s3 without s3": { provider: "s3" },
    "s3 with both": { provider: "s3", s3: { bucket: "abc" }, filesystem: { path: "/a" } },
    "filesystem without filesystem": { provider: "filesystem" },
    "filesystem with both": { provider: "filesystem", s3: { bucket: "abc" }, filesystem: { path: "/a" } },
    "a relative path": { provider: "filesystem", filesystem: { path: "a" } },
    "a short bucket": { provider: "s3", s3: { bucket: "ab" } },
    "an endpoint without a scheme": { provider: "s3", s3: { bucket: "abc", endpoint: "s3.example.com" } },
    "a key without kms": { provider: "s3", s3: { bucket: "abc", kmsKeyId: "k" } },
    "a key with AES256": { provider: "s3", s3: { bucket: "abc", kmsKeyId: "k", serverSideEncryption: "AES256" } },
    "access mode in lower case": { provider: "filesystem", filesystem: { path: "/a" }, accessMode: "readonly" },
    "Velero's objectStorage": { provider: "s3", objectStorage: { bucket: "abc" } },
  }),
  ...of("BackupPolicy", {
    "no schedules": {},
    "an empty list of schedules": { schedules: [] },
    "a schedule without a name": { schedules: [{ cron: "@daily" }] },
    "a schedule without a line": { schedules: [{ name: "daily" }] },
    "a name in capitals": { schedules: [{ name: "Daily", cron: "@daily" }] },
    "a name of 21": { schedules: [{ name: "a".repeat(21), cron: "@daily" }] },
    "the reserved name": { schedules: [{ name: "manual", cron: "@daily" }] },
    "two of a name": { schedules: [SCHEDULE, SCHEDULE] },
    "ttl in days": { schedules: [{ ...SCHEDULE, ttl: "30d" }] },
    "ttl with a blank": { schedules: [{ ...SCHEDULE, ttl: "25 h" }] },
    "a negative ttl": { schedules: [{ ...SCHEDULE, ttl: "-1h" }] },
    firstRun: { schedules: [{ ...SCHEDULE, firstRun: "Now" }] },
    "a list for schedules": { schedules: SCHEDULE },
    "an unknown field in the template": { schedules: [SCHEDULE], template: { includeNamespaces: ["a"] } },
    "both families in the template": {
      schedules: [SCHEDULE],
      template: { includedResources: ["pods"], includedClusterScopedResources: ["*"] },
    },
    "Velero's paused": { schedules: [SCHEDULE], paused: true },
  }),
  ...of("Backup", {
    "both selectors": { labelSelector: { matchLabels: { a: "b" } }, orLabelSelectors: [{ matchLabels: { c: "d" } }] },
    "both families": { includeClusterResources: true, excludedNamespaceScopedResources: ["secrets"] },
    "a namespace for a list": { includedNamespaces: "shop" },
    "a number in a list": { includedNamespaces: [1] },
    "an empty name in a list": { includedNamespaces: [""] },
    "an operator": { labelSelector: { matchExpressions: [{ key: "a", operator: "Equals", values: ["b"] }] } },
    "a label value as a number": { labelSelector: { matchLabels: { a: 1 } } },
    "ordered resources as a list": { orderedResources: { pods: ["a/b"] } },
    "a Secret for a policy": { resourcePolicy: { kind: "Secret", name: "a" } },
    "a hook without a command": { hooks: { resources: [{ name: "a", pre: [{ exec: {} }] }] } },
    "a hook with an empty command": { hooks: { resources: [{ name: "a", pre: [{ exec: { command: [] } }] }] } },
    "a hook without a name": { hooks: { resources: [{ pre: [{ exec: { command: ["a"] } }] }] } },
    apiVersions: { apiVersions: "all" },
  }),
  ...of("RestorePlan", {
    "no source": {},
    "an empty source": { source: {} },
    "two sources": { source: { backupName: "a", undoOf: "b" } },
    "a forced restore": { source: { backupName: "a", force: true } },
    "a source without its name": { source: { policy: { schedule: "daily" } } },
    "asOf without a zone": { source: { policy: { name: "a", asOf: "2026-01-01T03:00:00" } } },
    "asOf as a date": { source: { policy: { name: "a", asOf: "2026-01-01" } } },
    "a pattern mapped from": { source: { backupName: "a" }, namespaceMapping: { "shop-*": "b" } },
    "a pattern mapped to": { source: { backupName: "a" }, namespaceMapping: { shop: "b-*" } },
    "a policy": { source: { backupName: "a" }, existingResourcePolicy: "replace" },
    "a Secret for filters": { source: { backupName: "a" }, resourcePolicy: { kind: "Secret", name: "a" } },
    "a policy for a resource": { source: { backupName: "a" }, existingResourceOverrides: { pods: "replace" } },
    "a modifier without patches": {
      source: { backupName: "a" },
      modifiers: [{ conditions: { groupResource: "pods" } }],
    },
    "a modifier with two kinds": {
      source: { backupName: "a" },
      modifiers: [
        {
          conditions: { groupResource: "pods" },
          patches: [{ operation: "remove", path: "/a" }],
          mergePatches: [{ patchData: "{}" }],
        },
      ],
    },
    "a modifier without conditions": {
      source: { backupName: "a" },
      modifiers: [{ patches: [{ operation: "remove", path: "/a" }] }],
    },
    "an operation": {
      source: { backupName: "a" },
      modifiers: [{ conditions: { groupResource: "pods" }, patches: [{ operation: "delete", path: "/a" }] }],
    },
    "a hook of both kinds": {
      source: { backupName: "a" },
      hooks: {
        resources: [
          {
            name: "h",
            postHooks: [
              { exec: { command: ["a"] }, init: { initContainers: [{ name: "a", image: "b", command: ["c"] }] } },
            ],
          },
        ],
      },
    },
    "a hook of no kind": { source: { backupName: "a" }, hooks: { resources: [{ name: "h", postHooks: [{}] }] } },
    "an init container without an image": {
      source: { backupName: "a" },
      hooks: { resources: [{ name: "h", postHooks: [{ init: { initContainers: [{ name: "a", command: ["c"] }] } }] }] },
    },
    "a short digest": { source: { backupName: "a" }, approval: { mode: "PlanDigest", planDigest: "abc" } },
    "an unreadable what": { source: { backupName: "a" }, approval: { acceptUnreadable: ["Cluster"] } },
    "a runId with a blank": { source: { backupName: "a" }, runId: "a b" },
    "scoped filters": { source: { backupName: "a" }, includedClusterScopedResources: ["*"] },
    "Velero's backupName": { backupName: "a" },
  }),
  { kind: "Backup", what: "a name of 201 characters", spec: {}, name: "a".repeat(201) },
  { kind: "BackupPolicy", what: "a dot in the name", spec: { schedules: [SCHEDULE] }, name: "a.b" },
  {
    kind: "BackupPolicy",
    what: "a name too long for its backups",
    spec: { schedules: [SCHEDULE] },
    name: "a".repeat(180),
  },
  { kind: "BackupPolicy", what: "capitals in the name", spec: { schedules: [SCHEDULE] }, name: "Shop" },
  { kind: "BackupPolicy", what: "a label that is a number", spec: { schedules: [SCHEDULE] }, labels: { tier: 1 } },
  {
    kind: "BackupPolicy",
    what: "a label value with a blank",
    spec: { schedules: [SCHEDULE] },
    labels: { tier: "a b" },
  },
  {
    kind: "BackupPolicy",
    what: "a label of 64 characters",
    spec: { schedules: [SCHEDULE] },
    labels: { tier: "a".repeat(64) },
  },
  { kind: "Backup", what: "a field beside spec", spec: {}, beside: { specs: {} } },
  { kind: "Backup", what: "spec as a list", spec: [] },
  { kind: "Backup", what: "no spec", spec: undefined },
];

/** What only we can know: the API server takes these, and `holdfast validate` refuses them. */
export const ONLY_OURS: readonly Case[] = [
  ...of("BackupPolicy", {
    "a line that is no cron": { schedules: [{ name: "a", cron: "61 * * * *" }] },
    "a line that never fires": { schedules: [{ name: "a", cron: "0 0 30 2 *" }] },
    "a zone that is none": { schedules: [{ ...SCHEDULE, timeZone: "Mars/Phobos" }] },
    "a ttl of a thousand years": { schedules: [{ ...SCHEDULE, ttl: "8760000h" }] },
    "lists that Velero refuses": { schedules: [SCHEDULE], template: { includedNamespaces: ["*", "a"] } },
  }),
  ...of("Backup", {
    "volume snapshots": { snapshotVolumes: true },
    "a selector without values": { labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
    "hooks for Deployments": { hooks: { resources: [{ name: "a", includedResources: ["deployments"] }] } },
  }),
  ...of("RestorePlan", {
    "an expression that is none": {
      source: { backupName: "a" },
      modifiers: [
        { conditions: { groupResource: "pods", resourceNameRegex: "(" }, mergePatches: [{ patchData: "{}" }] },
      ],
    },
    nodes: { source: { backupName: "a" }, includedResources: ["nodes"] },
  }),
];
