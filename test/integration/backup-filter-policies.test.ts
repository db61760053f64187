/** The fine-grained filters of a resource policy, on a real API server. */
import { beforeAll, describe, expect, it } from "vitest";
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import { compareWithLive } from "../../src/backup/compare-live.ts";
import type { BackupLimits } from "../../src/backup/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { openBackup } from "../../src/storage/backup-reader.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { useKubeClients } from "../support/kube-client.ts";
import { uniqueName } from "../support/test-cluster.ts";
import { usePrivateCluster } from "../support/use-test-cluster.ts";
import { backupRequest, type MadeBackup, makeBackup } from "./backup-requests.ts";

// Its own: backups of all namespaces are made.
const cluster = usePrivateCluster();
const client = useKubeClients();
const store = new MemoryStore();
const prefix = uniqueName("f");
const [web, db, other] = [`${prefix}-web`, `${prefix}-db`, `${prefix}-other`];
let kube: KubeClient;

const CLASSES = "priorityclasses.scheduling.k8s.io";

async function createObject(kind: string, namespace: string, name: string, labels: object = {}): Promise<void> {
  await cluster.create({ apiVersion: "v1", kind, metadata: { name, namespace, labels } });
}

async function createPod(namespace: string, name: string, priorityClassName: string): Promise<void> {
  await cluster.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name } },
    spec: { serviceAccountName: "runner", priorityClassName, containers: [{ name: "c", image: "i" }] },
  });
}

beforeAll(async () => {
  kube = await client(cluster.kubeconfigPath);
  for (const name of [web, db, other])
    await cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  for (const namespace of [web, db, other]) {
    for (const kind of ["ConfigMap", "Secret"]) {
      await createObject(kind, namespace, "app", { app: "x" });
      await createObject(kind, namespace, "app-tmp", { app: "x" });
      await createObject(kind, namespace, "plain", { spec: "yes" });
    }
  }
  for (const name of [`${prefix}-gold`, `${prefix}-iron`]) {
    await cluster.create({
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name, labels: { metal: name.slice(prefix.length + 1) } },
      value: 5,
    });
  }
  await createObject("ServiceAccount", web, "runner");
  await createPod(web, "gold", `${prefix}-gold`);
  await createPod(web, "iron", `${prefix}-iron`);
});

/** A backup under a policy; `home` is its namespace, where the policy's ConfigMap is. */
async function backupWith(
  policy: string,
  spec: BackupSpec,
  limits: Partial<BackupLimits> = {},
): Promise<MadeBackup & { readonly home: string; found(): Promise<string[]> }> {
  const home = await cluster.createNamespace();
  const data = { policy: `version: v1\n${policy}` };
  await cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "policy", namespace: home }, data });
  const resourcePolicy = { kind: "configmap", name: "policy" };
  const made = await makeBackup(
    { kube, store, limits },
    backupRequest({ ...spec, resourcePolicy }, { namespace: home }),
  );
  const isCounted = (object: string): boolean =>
    object.includes(prefix) && !/ (?:\S+\/)?(?:kube-root-ca\.crt|default)$/.test(object);
  return { ...made, home, found: async () => (await made.objects()).filter(isCounted).sort() };
}

const SPEC = { labelSelector: { matchLabels: { spec: "yes" } }, excludedNamespaceScopedResources: ["events"] };
const WEB = `namespacedFilterPolicies:
- namespaces: ["${prefix}-w?b"]
  resourceFilters:
  - {kinds: [ConfigMap], labelSelector: {matchLabels: {app: x}}, names: ["app*"], excludedNames: ["*-tmp"]}
`;

describe("namespacedFilterPolicies", () => {
  it.each([
    ["named one by one", { includedNamespaces: [web, other] }],
    ["all listed at once", { excludedNamespaces: [db] }],
  ])("take the place of the spec's selectors and kinds in namespaces that are %s", async (_how, namespaces) => {
    const made = await backupWith(WEB, { ...SPEC, ...namespaces });

    expect(made.outcome).toMatchObject({ phase: "Completed", errors: 0, warnings: 0 });
    expect(await made.found()).toEqual(
      [
        `configmaps ${web}/app`,
        `configmaps ${other}/plain`,
        `namespaces ${web}`,
        `namespaces ${other}`,
        `secrets ${other}/plain`,
      ].sort(),
    );
  });

  it("go by name first, then by the first pattern, and a catch-all takes what no other names", async () => {
    const made = await backupWith(
      `namespacedFilterPolicies:
- namespaces: ["${prefix}-*"]
  resourceFilters:
  - {kinds: [Secret], names: [plain]}
  - {kinds: ["*"], orLabelSelectors: [{matchLabels: {app: x}}, {matchLabels: {app: gold}}]}
- namespaces: ["${prefix}-o*"]
  resourceFilters: [{kinds: [Secret]}]
- namespaces: ["${db}"]
  resourceFilters: [{kinds: [secrets]}]
`,
      { includedNamespaces: [`${prefix}-*`], includedNamespaceScopedResources: ["configmaps", "secrets", "pods"] },
    );

    expect((await made.found()).filter((object) => !/^(?:namespaces|priorityclasses)/.test(object))).toEqual(
      [
        `configmaps ${other}/app`,
        `configmaps ${other}/app-tmp`,
        `configmaps ${web}/app`,
        `configmaps ${web}/app-tmp`,
        `pods ${web}/gold`,
        `secrets ${db}/app`,
        `secrets ${db}/app-tmp`,
        `secrets ${db}/plain`,
        `secrets ${other}/plain`,
        `secrets ${web}/plain`,
      ].sort(),
    );
  });

  it("let come along what a selected object needs, of other kinds too, but of a kind with names only those", async () => {
    const filters = (accounts: string): string => `namespacedFilterPolicies:
- namespaces: ["${web}"]
  resourceFilters: [{kinds: [pods], names: [gold]}${accounts}]
`;
    const spec = { includedNamespaces: [web] };

    const open = await backupWith(filters(""), spec);
    const named = await backupWith(filters(", {kinds: [sa], names: [nobody]}"), spec);

    const expected = [`namespaces ${web}`, `pods ${web}/gold`, `${CLASSES} ${prefix}-gold`];
    expect(await open.found()).toEqual([...expected, `serviceaccounts ${web}/runner`].sort());
    expect(await named.found()).toEqual([...expected].sort());
  });

  it("lose to the label that keeps an object out, and to an exclude of the whole backup, with a warning", async () => {
    const labels = { app: "x", "velero.io/exclude-from-backup": "true" };
    await createObject("ConfigMap", web, "app-hidden", labels);

    const made = await backupWith(
      `includeExcludePolicy: {excludedNamespaceScopedResources: [secrets]}
namespacedFilterPolicies:
- namespaces: ["${web}"]
  resourceFilters: [{kinds: [ConfigMap, Secret, Ghost], labelSelector: {matchLabels: {app: x}}}]
`,
      { includedNamespaces: [web] },
    );

    expect(await made.found()).toEqual([`configmaps ${web}/app`, `configmaps ${web}/app-tmp`, `namespaces ${web}`]);
    expect(made.outcome.phase).toBe("Completed");
    expect(made.outcome.results.warnings.velero).toEqual([
      expect.stringContaining('resourceFilters[0]: kind "Secret" is excluded from the whole backup'),
      expect.stringContaining('resourceFilters[0]: kind "Ghost" is not served here'),
    ]);
  });

  it("choose among the names of orderedResources", async () => {
    const made = await backupWith(WEB, {
      includedNamespaces: [web],
      orderedResources: { configmaps: `${web}/app,${web}/plain` },
    });

    expect(await made.found()).toEqual([`configmaps ${web}/app`, `namespaces ${web}`]);
    expect(made.outcome.results.warnings.namespaces?.[web]).toEqual([expect.stringContaining("/plain")]);
  });

  it("decide which live objects a backup would have taken, as they were then", async () => {
    const made = await backupWith(WEB, { includedNamespaces: [web] });
    await cluster.delete("ConfigMap", made.home, "policy");
    await createObject("ConfigMap", web, "app-new", { app: "x" });
    await createObject("ConfigMap", web, "app-new-tmp", { app: "x" });
    await createObject("Secret", web, "app-new", { app: "x" });

    const changes: string[] = [];
    for await (const { type, resource, name } of compareWithLive(await openBackup(store, made.name), kube))
      changes.push(`${type} ${resource} ${name}`);
    for (const [kind, name] of [
      ["ConfigMap", "app-new"],
      ["ConfigMap", "app-new-tmp"],
      ["Secret", "app-new"],
    ] as const)
      await cluster.delete(kind, web, name);

    expect(changes).toEqual(["added configmaps app-new"]);
  });
});

describe("clusterScopedFilterPolicy", () => {
  const GOLD = `clusterScopedFilterPolicy:
  resourceFilters: [{kinds: [PriorityClass], names: ["*-gold"]}, {kinds: [Namespace], names: ["${prefix}-w*"]}]
`;

  it("narrows kinds that the backup includes, in place of the spec's selectors, and includes none", async () => {
    const including = { ...SPEC, includedNamespaces: [web, db], includedClusterScopedResources: [CLASSES] };

    const made = await backupWith(GOLD, including);
    const bare = await backupWith(GOLD, { ...SPEC, includedNamespaces: [db] });
    const labelled = await backupWith(
      "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pc], labelSelector: {matchLabels: {metal: iron}}}]}",
      including,
    );

    const objects = [
      `configmaps ${db}/plain`,
      `configmaps ${web}/plain`,
      `secrets ${db}/plain`,
      `secrets ${web}/plain`,
    ];
    expect(await made.found()).toEqual([...objects, `namespaces ${web}`, `${CLASSES} ${prefix}-gold`].sort());
    expect(await bare.found()).toEqual([`configmaps ${db}/plain`, `secrets ${db}/plain`]);
    expect((await labelled.found()).filter((object) => object.startsWith(CLASSES))).toEqual([
      `${CLASSES} ${prefix}-iron`,
    ]);
  });

  it("holds by name, not by label, for what another object needs", async () => {
    const spec = { includedNamespaces: [web], includedNamespaceScopedResources: ["pods"] };

    const made = await backupWith(GOLD, spec);
    const labelled = await backupWith(
      "clusterScopedFilterPolicy: {resourceFilters: [{kinds: [pc], labelSelector: {matchLabels: {metal: iron}}}]}",
      spec,
    );

    const classes = async (backup: typeof made): Promise<string[]> =>
      (await backup.found()).filter((object) => object.startsWith(CLASSES));
    expect(await classes(made)).toEqual([`${CLASSES} ${prefix}-gold`]);
    expect(await classes(labelled)).toEqual([`${CLASSES} ${prefix}-gold`, `${CLASSES} ${prefix}-iron`]);
  });
});

describe("a backup is refused before anything is listed", () => {
  it.each([
    [
      "filters beside fields of the old family",
      WEB,
      { includedResources: ["configmaps"] },
      "They cannot be used with namespace-scoped or fine-grained global filter policies: take includedResources out of the spec, and say it in the policy's includeExcludePolicy",
    ],
    [
      "a filter that is wrong",
      "clusterScopedFilterPolicy: {resourceFilters: [{kinds: ['*']}]}",
      {},
      "clusterScopedFilterPolicy.resourceFilters[0]: kinds must be specified (catch-all is not supported)",
    ],
  ])("%s", async (_what, policy, spec, problem) => {
    const made = await backupWith(policy, spec);

    expect(made.outcome).toMatchObject({
      phase: "FailedValidation",
      validationErrors: [expect.stringContaining(problem)],
    });
  });
});
