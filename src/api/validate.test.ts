import { describe, expect, it } from "vitest";
import { jsonDigest } from "./digest.ts";
import { formatProblem } from "./problem.ts";
import { DAILY, location, OPTIONS, plan, policy, problems, tree } from "./testing.ts";
import { validateObject } from "./validate.ts";

describe("a valid tree", () => {
  it("gives its documents with place, namespace and digest", () => {
    const { documents, problems, ignored, files } = tree({
      "p/shop.yaml": `# a comment\n---\n${policy(DAILY)}---\n\n---\napiVersion: v1\nkind: ConfigMap\n`,
      "README.md": "[",
    });

    expect({ problems, ignored, files }).toEqual({ problems: [], ignored: 1, files: 1 });
    expect(documents).toEqual([
      {
        kind: "BackupPolicy",
        file: "p/shop.yaml",
        line: 3,
        column: 1,
        digest: jsonDigest({ schedules: [{ name: "daily", cron: "@daily" }] }),
        object: expect.objectContaining({ metadata: { name: "shop", namespace: "holdfast" } }),
      },
    ]);
  });

  it.each([
    ["CRLF", (text: string) => text.replaceAll("\n", "\r\n")],
    ["a byte-order mark", (text: string) => `\ufeff${text}`],
    [
      "flow style and JSON",
      () =>
        JSON.stringify({
          apiVersion: "holdfast.dev/v1alpha1",
          kind: "BackupPolicy",
          metadata: { name: "shop" },
          spec: { schedules: [{ name: "daily", cron: "@daily" }] },
        }),
    ],
    ["tabs behind values", (text: string) => text.replace('"@daily"', '"@daily"\t# every day')],
    ["anchors", (text: string) => text.replace('"@daily"', '&d "@daily"\n    - name: other\n      cron: *d')],
  ])("may have %s", (_what, change) => {
    const { documents, problems } = tree({ "a.yaml": change(policy(DAILY)) });

    expect(problems).toEqual([]);
    expect(documents).toHaveLength(1);
  });

  it("may hold a status and server fields, as kubectl prints them", () => {
    const text = `${policy(DAILY)}status: {observedGeneration: -1}\n`.replace(
      "name: shop",
      "name: shop\n  uid: x\n  resourceVersion: '1'\n  creationTimestamp: null",
    );
    const { documents, warnings } = tree({ "a.yaml": text });

    expect(documents).toHaveLength(1);
    expect(warnings.map(formatProblem)).toEqual([
      "a.yaml:12:1: status is written by Holdfast; what stands here is ignored",
    ]);
  });

  it("may hold keys that are names of JavaScript's own", () => {
    const text = plan("  source: {backupName: b}\n  storageClassMapping:\n    constructor: a\n    __proto__: b\n");

    expect(JSON.stringify(tree({ "a.yaml": text }).documents[0]?.object.spec)).toContain(
      '{"constructor":"a","__proto__":"b"}',
    );
  });
});

describe("YAML that is refused", () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ..."bcdefghi".split("").map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[at]}`).join(",")}]`),
  ].join("\n");
  const rows: readonly (readonly [what: string, text: string | Uint8Array, expected: RegExp])[] = [
    ["an open bracket", "kind: X\nlist: [a,\n", /^InvalidYaml 3:1 not valid YAML: Flow sequence in block collection/],
    ["a tab for indentation", `${policy("")}\tsuspend: true`, /^InvalidYaml 6:1 .*[Tt]abs/],
    ["a key twice", policy(`${DAILY}  suspend: true\n  suspend: false\n`), /^DuplicateKey 10:3 /],
    ["a merge key", policy(`  <<: {suspend: true}\n${DAILY}`), /^MergeKey 6:3 /],
    ["a tag of somebody's own", policy(`${DAILY}  suspend: !yes true\n`), /^CustomTag 9:12|^CustomTag 9:17/],
    ["binary", policy(`${DAILY}  suspend: !!binary aGk=\n`), /^CustomTag 9:/],
    [
      "an alias without its anchor",
      policy("  schedules: *none\n"),
      /^InvalidYaml 6:14 this alias has no anchor before it/,
    ],
    ["an alias inside its own anchor", policy("  schedules: &s [*s]\n"), /^TooDeep|^InvalidYaml/],
    ["an alias bomb", bomb, /^TooManyAliases/],
    [
      "a thousand aliases",
      `a: &a x\nb: [${Array(1000).fill("*a").join(",")}]`,
      /^TooManyAliases 2:\d+ more than 100 aliases/,
    ],
    ["a hundred levels", `a: ${"[".repeat(100)}${"]".repeat(100)}`, /^TooDeep|^InvalidYaml/],
    ["a million brackets", `# holdfast\n${"[".repeat(1_000_000)}`, /^TooDeep 2:1001 more than 1000 brackets/],
    ["a list for a key", policy(`${DAILY}  ? [a]\n  : b\n`), /^BadKey 9:5/],
    [
      "a number that starts with 0",
      policy(DAILY.replace('"@daily"', '"@daily"\n      ttl: 010')),
      /^AmbiguousScalar 9:12 010 is octal/,
    ],
    ["infinity", policy(DAILY.replace('"@daily"', '"@daily"\n      ttl: .inf')), /^InvalidValue 9:12/],
    ["UTF-16", Buffer.from(`\ufeff${policy(DAILY)}`, "utf16le"), /^BadEncoding 1:1 .*UTF-16/],
    ["UTF-16 without a mark", Buffer.from(policy(DAILY), "utf16le"), /^BadEncoding 1:1 /],
    ["Latin-1", Buffer.from(policy(`${DAILY}  # caf\u00e9\n`), "latin1"), /^BadEncoding 9:8 these bytes are not UTF-8/],
    ["a control character", `${policy(DAILY)}# \u0007\n`, /^BadEncoding 9:3 a control character/],
    ["more than 1 MiB", new Uint8Array(1024 * 1024 + 1).fill(35), /^TooLarge 1:1 the file is larger than 1 MiB$/],
  ];

  it.each(rows)("%s", (_what, text, expected) => {
    const found = problems(text);

    expect(found[0]).toMatch(expected);
    expect(found.length).toBeLessThanOrEqual(2);
  });

  it("yes and no as text are told, for they are booleans elsewhere", () => {
    const { warnings } = tree({ "a.yaml": policy(DAILY).replace("name: shop", "name: shop\n  labels: {web: on}") });

    expect(warnings.map(({ code, line }) => [code, line])).toEqual([["AmbiguousScalar", 5]]);
  });
});

describe("documents", () => {
  const rows: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
    [
      "an unknown kind",
      policy(DAILY).replace("kind: BackupPolicy", "kind: BackupPolcy"),
      ['UnknownKind 2:7 unknown kind "BackupPolcy" in holdfast.dev'],
    ],
    [
      "an unknown version",
      policy(DAILY).replace("v1alpha1", "v1"),
      ["UnknownVersion 1:13 unknown version holdfast.dev/v1"],
    ],
    ["no version", policy(DAILY).replace(/^.*\n/, ""), ["MissingField 1:7 apiVersion is missing"]],
    ["no kind", policy(DAILY).replace("kind: BackupPolicy\n", ""), ["MissingField 1:13 kind is missing"]],
    [
      "a GitSource",
      "apiVersion: holdfast.dev/v1alpha1\nkind: GitSource\nmetadata: {name: a}\nspec: {url: 'https://a.b/c'}\n",
      ["NotInGit 2:7 a GitSource is not read from Git"],
    ],
    [
      "a List of ours",
      `apiVersion: v1\nkind: List\nitems:\n- apiVersion: holdfast.dev/v1alpha1\n`,
      ["ListNotRead 2:7 a List is not read"],
    ],
    [
      "no metadata",
      "apiVersion: holdfast.dev/v1alpha1\nkind: Backup\nspec: {}\n",
      ["MissingField 1:1 metadata is missing"],
    ],
    [
      "no name",
      "apiVersion: holdfast.dev/v1alpha1\nkind: Backup\nmetadata: {}\nspec: {}\n",
      ["MissingField 3:1 metadata.name is missing"],
    ],
    [
      "generateName",
      "apiVersion: holdfast.dev/v1alpha1\nkind: Backup\nmetadata: {generateName: a-}\nspec: {}\n",
      ["BadName 3:12 metadata.generateName names nothing: what stands in Git needs a name"],
    ],
    [
      "a misspelt metadata field",
      policy(DAILY).replace("  name: shop", "  name: shop\n  lables: {a: b}"),
      ['UnknownField 5:3 unknown field "metadata.lables"'],
    ],
    [
      "a number for a label",
      policy(DAILY).replace("  name: shop", "  name: shop\n  labels:\n    tier: 1"),
      ['WrongType 6:11 metadata.labels "tier" must be text, not 1'],
    ],
    [
      "a command annotation",
      policy(DAILY).replace("  name: shop", "  name: shop\n  annotations:\n    holdfast.dev/delete-requested: shop"),
      ["CommandAnnotation 6:5 holdfast.dev/delete-requested is a command, and commands are not taken from Git"],
    ],
    [
      "an allowance",
      policy(DAILY).replace("  name: shop", "  name: shop\n  annotations:\n    holdfast.dev/allow-deletions: abc"),
      ["CommandAnnotation 6:5 holdfast.dev/allow-deletions is a command, and commands are not taken from Git"],
    ],
    [
      "an unknown field",
      policy(`${DAILY}  template:\n    includeNamespaces: [a]\n`),
      ['UnknownField 10:5 unknown field "spec.template.includeNamespaces"'],
    ],
    [
      "a wrong type",
      policy(`${DAILY}  suspend: "true"\n`),
      ['WrongType 9:12 spec.suspend must be true or false, not the text "true"'],
    ],
    [
      "a missing field",
      policy("  schedules:\n    - name: a\n"),
      ["MissingField 7:7 spec.schedules[0].cron is missing"],
    ],
    [
      "an unknown choice",
      policy(DAILY.replace('"@daily"', '"@daily"\n      firstRun: Now')),
      ['InvalidValue 9:17 spec.schedules[0].firstRun must be one of Slot, Immediate, not "Now"'],
    ],
    ["an empty value", policy("  schedules:\n"), ["WrongType 6:13 spec.schedules must be a list, not empty"]],
    [
      "an invalid line",
      policy(DAILY.replace("@daily", "61 * * * *")),
      ["InvalidCron 8:13 invalid schedule: minute 61 is out of range: 0 to 59"],
    ],
    [
      "an unknown zone",
      policy(DAILY.replace('"@daily"', '"@daily"\n      timeZone: Europe/Berln')),
      ['InvalidTimeZone 9:17 unknown time zone "Europe/Berln": did you mean "Europe/Berlin"?'],
    ],
    [
      "two zones",
      policy(DAILY.replace('"@daily"', '"TZ=UTC @daily"\n      timeZone: Europe/Berlin')),
      ["InvalidTimeZone 9:17 the line names the zone UTC and timeZone says Europe/Berlin"],
    ],
    [
      "a ttl in days",
      policy(DAILY.replace('"@daily"', '"@daily"\n      ttl: 30d')),
      ['InvalidValue 9:12 spec.schedules[0].ttl must be a duration such as 720h or 1h30m0s, not "30d"'],
    ],
    [
      "a ttl without end",
      policy(DAILY.replace('"@daily"', '"@daily"\n      ttl: 8760000h')),
      ["InvalidDuration 9:12 8760000h is longer than a duration can be (about 292 years)"],
    ],
    [
      "a schedule twice",
      policy(`${DAILY}    - name: daily\n      cron: "@hourly"\n`),
      ['DuplicateSchedule 9:13 schedule "daily" is declared twice: schedules[0] has the name already'],
    ],
    [
      "the reserved schedule",
      policy(DAILY.replace("daily", "manual")),
      ['BadName 7:13 "manual" is reserved for backups on demand'],
    ],
    ["a dot in a policy's name", policy(DAILY, "shop.a"), ["BadName 4:9 the name of a policy has no dot"]],
    [
      "a policy's name too long for its backups",
      policy(DAILY, "s".repeat(185)),
      [`NameTooLong 4:9 backups of schedule "daily" would have names of 206 characters; 200 are the most`],
    ],
    [
      "a star beside names",
      policy(`${DAILY}  template: {includedNamespaces: ["*", a]}\n`),
      [
        "InvalidFilter 9:34 Invalid included/excluded namespace lists: includes list must either contain '*' only, or a non-empty list of items",
      ],
    ],
    [
      "a star excluded",
      policy(`${DAILY}  template: {excludedResources: ["*"]}\n`),
      ["InvalidFilter 9:33 Invalid included/excluded resource lists: excludes list cannot contain '*'"],
    ],
    [
      "one in both lists",
      policy(`${DAILY}  template: {includedResources: [pods], excludedResources: [pods]}\n`),
      [
        "InvalidFilter 9:60 Invalid included/excluded resource lists: excludes list cannot contain an item in the includes list: pods",
      ],
    ],
    [
      "scoped excludes with includes",
      policy(`${DAILY}  template: {includedClusterScopedResources: [a], excludedClusterScopedResources: ["*"]}\n`),
      [
        "InvalidFilter 9:83 Invalid cluster-scoped included/excluded resource lists: when exclude is '*', include cannot have value",
      ],
    ],
    [
      "both selectors",
      policy(`${DAILY}  template: {labelSelector: {}, orLabelSelectors: [{}]}\n`),
      [
        "InvalidSelector 9:33 encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified",
      ],
    ],
    [
      "volume snapshots",
      policy(`${DAILY}  template: {snapshotVolumes: true}\n`),
      ["NotSupported 9:31 snapshotVolumes: true asks for volume data, and Holdfast copies none yet"],
    ],
    [
      "an unpinned policy source",
      plan("  source: {policy: {name: shop}}\n"),
      ["AsOfMissing 5:12 source.policy needs asOf: what was reviewed must be what runs"],
    ],
    [
      "two sources",
      plan("  source: {backupName: a, undoOf: b}\n"),
      ["ManySources 5:3 exactly one of source.backupName, source.policy and source.undoOf must be given"],
    ],
    [
      "a mapped pattern",
      plan('  source: {backupName: a}\n  namespaceMapping: {"a*": b}\n'),
      ['InvalidMapping 6:22 namespaceMapping takes names, not patterns: "a*"'],
    ],
    [
      "an expression that can't be read",
      plan(
        "  source: {backupName: a}\n  modifiers:\n  - conditions: {groupResource: pods, resourceNameRegex: '('}\n    mergePatches: [{patchData: '{}'}]\n",
      ),
      [expect.stringMatching(/^InvalidModifier 7:58 resourceNameRegex can't be read: /)],
    ],
    [
      "a provider without its place",
      location("a").replace("  filesystem: {path: /b}\n", ""),
      ["InvalidValue 5:3 provider filesystem needs filesystem"],
    ],
  ];

  it.each(rows)("are refused for %s", (_what, text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  it.each([
    ["asOf", plan("  source: {policy: {name: shop, asOf: 2026-01-01T00:00:00Z}}\n")],
    ["asOf: AtMerge", plan("  source: {policy: {name: shop, asOf: AtMerge}}\n")],
    ["approval by digest", plan("  source: {policy: {name: shop}}\n  approval: {mode: PlanDigest}\n")],
  ])("may take a backup by policy with %s", (_what, text) => {
    expect(problems(text)).toEqual([]);
  });

  it("that did not come from Git need no asOf", () => {
    const object = {
      apiVersion: "holdfast.dev/v1alpha1",
      kind: "RestorePlan",
      metadata: { name: "r" },
      spec: { source: { policy: { name: "shop" } } },
    };

    expect(validateObject("RestorePlan", object, { ...OPTIONS, fromGit: false })).toEqual([]);
  });

  it("may be a GitSource where somebody else applies them", () => {
    const text =
      "apiVersion: holdfast.dev/v1alpha1\nkind: GitSource\nmetadata: {name: a}\nspec: {url: 'https://a.b/c'}\n";

    expect(problems(text, { ...OPTIONS, acceptGitSource: true })).toEqual([]);
  });

  it("that never say our name are not even read where they are long", () => {
    const { ignored, problems } = tree({ "a.yaml": `a: [\n---\n${"# x\n".repeat(20_000)}` });

    expect({ ignored, problems }).toEqual({ ignored: 2, problems: [] });
  });

  it("of a group that is nearly ours are told", () => {
    const { ignored, warnings } = tree({ "a.yaml": policy(DAILY).replace("holdfast.dev", "holdfsat.dev") });

    expect(ignored).toBe(1);
    expect(warnings.map(({ hint }) => hint)).toEqual(['did you mean "holdfast.dev"?']);
  });

  it("warn of 7 for Sunday, and are taken", () => {
    const { documents, warnings } = tree({ "a.yaml": policy(DAILY.replace("@daily", "0 0 * * 7")) });

    expect(documents).toHaveLength(1);
    expect(warnings[0]?.message).toContain("Sunday");
  });
});

describe("hints", () => {
  it.each([
    [policy(`${DAILY}  template:\n    includeNamespaces: [a]\n`), 'did you mean "includedNamespaces"?'],
    [policy(`${DAILY}  paused: true\n`), 'it is called "suspend" here'],
    [policy(`  schedule: "@daily"\n${DAILY}`), 'did you mean "schedules"?'],
    [policy(DAILY.replace('"@daily"', '"@daily"\n      firstRun: immediate')), 'did you mean "Immediate"?'],
    [policy(`${DAILY}  template: {csiSnapshotTimeout: 10m}\n`), "volume data is not copied"],
    [plan("  source: {backupName: a}\n  existingResourcePolicy: updated\n"), 'did you mean "update"?'],
  ])("%#: $1", (text, hint) => {
    expect(tree({ "a.yaml": text }).problems.map((problem) => problem.hint)).toContain(hint);
  });
});
