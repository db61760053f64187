/** Clusters drawn at random, and edits of them: what the laws of a restore are tried on. */
import fc from "fast-check";
import type { KubeObject } from "../../src/api/object.ts";

/** One object before it has a namespace: its kind, where it stands, and what only this kind has. */
export interface Drawn {
  readonly kind: Kind;
  readonly name: string;
  /** Which of the test's namespaces; of no meaning for cluster-scoped kinds. */
  readonly place: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What an edit does to an archived object before it is restored. */
export type Edit =
  | { readonly type: "keep" | "delete" }
  | { readonly type: "relabel"; readonly labels: Readonly<Record<string, string | null>> }
  | { readonly type: "redraw"; readonly to: Drawn };

/** Places of a test: its namespaces, a prefix for names of cluster-scoped objects, and the group of its custom kind. */
export interface Places {
  readonly namespaces: readonly string[];
  readonly prefix: string;
  readonly group: string;
}

const key = fc.constantFrom("k", "x.y", "constructor", "__proto__");
const text = fc.constantFrom("", "1", "two words", "__proto__", "é");
const values = fc.dictionary(key, text, { maxKeys: 4, noNullPrototype: true });
const annotations = fc.dictionary(fc.constantFrom("k", "x.y", "example.org/constructor", "constructor"), text, {
  maxKeys: 2,
  noNullPrototype: true,
});
const letter = fc.constantFrom("a", "b", "c");
const verbs = fc.subarray(["get", "list", "watch"], { minLength: 1 });
const host = fc.constantFrom("a.example.org", "b.example.org");

/** Anything that a custom resource may hold, nulls, nested lists and long numbers too. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.constantFrom(0, -1, 7, 2 ** 40, 1.5, true, false, null),
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("value"), { maxLength: 3 }),
  object: fc.dictionary(fc.constantFrom("k", "a/b", "c~d", "constructor", "10", "é"), tie("value"), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
}));

const container = fc.record({
  image: fc.constantFrom("registry.example.org/app:1", "registry.example.org/app:2"),
  env: fc.uniqueArray(fc.record({ name: fc.constantFrom("A", "B", "C"), value: text }), {
    selector: ({ name }) => name,
    maxLength: 3,
  }),
  command: fc.array(
    text.filter((word) => word !== ""),
    { maxLength: 3 },
  ),
  resources: fc.constantFrom({}, { limits: { memory: "256Mi" } }, { requests: { cpu: "0.1" }, limits: { cpu: "1" } }),
});

function podBody(more: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> {
  const containers = fc
    .array(container, { minLength: 1, maxLength: 2 })
    .map((all) => all.map((each, index) => ({ name: `c${index}`, ...each })));
  const priorityClassName = fc.constantFrom("", "system-node-critical");
  return fc.record({ spec: fc.record({ containers, priorityClassName, ...more }) });
}

/** The fields of each kind beside metadata. Kinds that no controller writes to, so that the laws hold exactly. */
const BODIES = {
  ConfigMap: fc.record({ data: values }),
  Secret: fc.record({ stringData: values }),
  Service: fc.record({
    spec: fc.record({
      type: fc.constantFrom("ClusterIP", "NodePort"),
      selector: fc.constant({ a: "b" }),
      ports: fc
        .uniqueArray(fc.integer({ min: 80, max: 84 }), { minLength: 1, maxLength: 3 })
        .map((numbers) => numbers.map((number) => ({ name: `p${number}`, port: number }))),
    }),
  }),
  ServiceAccount: fc.constant({}),
  Role: fc.record({ rules: fc.array(verbs.map(ruleOf), { maxLength: 3 }) }),
  RoleBinding: fc.record({
    roleRef: fc.constant({ apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" }),
    subjects: fc.array(
      host.map((name) => ({ kind: "User", apiGroup: "rbac.authorization.k8s.io", name })),
      { maxLength: 2 },
    ),
  }),
  PodTemplate: fc.record({
    template: fc.record({
      metadata: values.map((all) => ({ labels: labelsOf(all) })),
      spec: fc.array(container, { minLength: 1, maxLength: 2 }).map((containers) => ({
        containers: containers.map((each, index) => ({ name: `c${index}`, ...each })),
      })),
    }),
  }),
  NetworkPolicy: fc.record({
    spec: fc.record({
      podSelector: values.map((all) => ({ matchLabels: labelsOf(all) })),
      policyTypes: fc.subarray(["Ingress", "Egress"], { minLength: 1 }),
    }),
  }),
  Ingress: fc.record({
    spec: fc.record({
      rules: fc
        .uniqueArray(host, { minLength: 1 })
        .map((hosts) => hosts.map((name) => ({ host: name, http: { paths: [backendPath()] } }))),
    }),
  }),
  ClusterRole: fc.record({ rules: fc.array(verbs.map(ruleOf), { maxLength: 3 }) }),
  Law: fc.record({ spec: json.object as fc.Arbitrary<object> }),
  Pod: fc.oneof(
    podBody({
      // Nobody runs it: a claim that it mounts can be deleted.
      schedulerName: fc.constant("nobody"),
      volumes: fc
        .uniqueArray(letter, { maxLength: 2 })
        .map((names) => names.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }))),
    }),
    podBody({}),
  ),
  // The provisioner of the controller manager, and none.
  StorageClass: fc.record({
    provisioner: fc.constantFrom("kubernetes.io/host-path", "example.org/none"),
    reclaimPolicy: fc.constantFrom("Retain", "Delete"),
    volumeBindingMode: fc.constantFrom("Immediate", "WaitForFirstConsumer"),
    allowVolumeExpansion: fc.boolean(),
  }),
  PersistentVolumeClaim: fc.record({
    storageClass: letter,
    /** The reclaim policy of a volume that is made for it; without one its class provides, or nobody. */
    volume: fc.constantFrom(undefined, "Retain", "Delete"),
  }),
} satisfies Record<string, fc.Arbitrary<object>>;

type Kind = keyof typeof BODIES;

/** Kinds that stand in no namespace. */
export const CLUSTER_SCOPED: ReadonlySet<string> = new Set(["ClusterRole", "StorageClass", "PersistentVolume"]);
const GROUPS: Partial<Record<Kind, string>> = {
  Role: "rbac.authorization.k8s.io",
  RoleBinding: "rbac.authorization.k8s.io",
  ClusterRole: "rbac.authorization.k8s.io",
  NetworkPolicy: "networking.k8s.io",
  Ingress: "networking.k8s.io",
  StorageClass: "storage.k8s.io",
};
/** In this order they are made: what a claim finds decides where it is bound. */
const FIRST: readonly Kind[] = ["StorageClass"];

function drawn(kind: Kind, name: fc.Arbitrary<string>, place: fc.Arbitrary<number>): fc.Arbitrary<Drawn> {
  const body = BODIES[kind] as fc.Arbitrary<Record<string, unknown>>;
  return fc.record({ kind: fc.constant(kind), name, place, labels: values.map(labelsOf), annotations, body });
}

/** Objects of several kinds in two namespaces and in none, one per place and name. */
export const objects: fc.Arbitrary<Drawn[]> = fc
  .uniqueArray(
    fc.oneof(
      ...(Object.keys(BODIES) as Kind[]).map((kind) =>
        drawn(kind, letter, CLUSTER_SCOPED.has(kind) ? fc.constant(0) : fc.constantFrom(0, 1)),
      ),
    ),
    { selector: ({ kind, name, place }) => `${kind} ${place} ${name}`, minLength: 1, maxLength: 12 },
  )
  .map((all) => all.toSorted((a, b) => FIRST.indexOf(b.kind) - FIRST.indexOf(a.kind)));

/** Labels that are set, changed or taken away, and nothing else. */
const relabels: fc.Arbitrary<Edit> = fc
  .dictionary(fc.constantFrom("l0", "l1", "l9"), fc.constantFrom("0", "9", null), { minKeys: 1, noNullPrototype: true })
  .map((labels) => ({ type: "relabel", labels }));

/** The same object with other contents, as far as its kind lets them be changed. */
function redrawn(object: Drawn): fc.Arbitrary<Drawn> {
  const { kind, name, place, body } = object;
  const fresh = drawn(kind, fc.constant(name), fc.constant(place));
  return fresh.map((other) => {
    if (kind === "PersistentVolumeClaim") return { ...other, body };
    if (kind === "StorageClass")
      return { ...other, body: { ...body, allowVolumeExpansion: other.body.allowVolumeExpansion } };
    return kind === "Pod" ? { ...other, body: withImagesOf(body, other.body) } : other;
  });
}

interface PodBody {
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
}

function withImagesOf(body: Drawn["body"], other: Drawn["body"]): Drawn["body"] {
  const [{ spec }, images] = [body as unknown as PodBody, (other as unknown as PodBody).spec.containers];
  const containers = spec.containers.map((each, index) => ({ ...each, image: images[index]?.image ?? each.image }));
  return { ...body, spec: { ...spec, containers } };
}

/** An archived cluster, with what became of each of its objects since. */
export const edited: fc.Arbitrary<{ readonly object: Drawn; readonly edit: Edit }[]> = objects.chain((all) =>
  fc.tuple(
    ...all.map((object) =>
      fc.record({
        object: fc.constant(object),
        edit: fc.oneof(
          fc.constant<Edit>({ type: "keep" }),
          fc.constant<Edit>({ type: "delete" }),
          relabels,
          redrawn(object).map((to): Edit => ({ type: "redraw", to })),
        ),
      }),
    ),
  ),
);

/** The object as it is sent to the API server. */
export function manifest(places: Places, drawn: Drawn): KubeObject {
  const { namespaces, prefix, group } = places;
  const { kind, name, place, labels, annotations: notes, body } = drawn;
  const owner = kind === "Law" ? group : GROUPS[kind];
  const apiVersion = owner === undefined ? "v1" : `${owner}/v1`;
  const marks = { labels, annotations: notes };
  const metadata = CLUSTER_SCOPED.has(kind)
    ? { name: `${prefix}-${name}`, ...marks }
    : { name, namespace: namespaces[place] ?? "", ...marks };
  const fields = kind === "PersistentVolumeClaim" ? { spec: claimSpec(places, drawn) } : body;
  return { apiVersion, kind, metadata, ...fields };
}

const SIZE = { storage: "1Mi" };
const ACCESS_MODES = ["ReadWriteOnce"];

function claimSpec({ prefix }: Places, { body, name, place }: Drawn): object {
  return {
    accessModes: ACCESS_MODES,
    resources: { requests: SIZE },
    storageClassName: `${prefix}-${body.storageClass}`,
    ...(body.volume === undefined ? {} : { volumeName: `${prefix}-${place}-${name}` }),
  };
}

/** The volume that is made for a claim before it; undefined where there is none. */
export function volumeFor(places: Places, claim: Drawn): KubeObject | undefined {
  const { kind, name, place, labels, body } = claim;
  if (kind !== "PersistentVolumeClaim" || body.volume === undefined) return undefined;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `${places.prefix}-${place}-${name}`, labels },
    spec: {
      accessModes: ACCESS_MODES,
      capacity: SIZE,
      storageClassName: `${places.prefix}-${body.storageClass}`,
      persistentVolumeReclaimPolicy: body.volume,
      hostPath: { path: `/tmp/${places.prefix}-${place}-${name}` },
      claimRef: { namespace: places.namespaces[place] ?? "", name },
    },
  };
}

/** The custom kind, which takes any field. */
export function lawCrd(group: string): object {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `laws.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "laws", singular: "law", kind: "Law", listKind: "LawList" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

function ruleOf(some: readonly string[]): object {
  return { apiGroups: [""], resources: ["pods"], verbs: some };
}

function backendPath(): object {
  return { path: "/", pathType: "Prefix", backend: { service: { name: "app", port: { number: 80 } } } };
}

function labelsOf(all: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(all).map((_, index) => [`l${index}`, String(index)]));
}
