/**
 * The objects that a bench puts into the cluster: many kinds, sizes from 200 bytes to 40 kB, namespaces of uneven size.
 * Deterministic: the same count gives the same objects.
 */

/** One object and where it is POSTed. */
export interface BenchObject {
  readonly path: string;
  readonly body: object;
}

const GROUP = "bench.holdfast.example";

/** What must stand before the objects: namespaces and a custom kind, in order of creation. */
export function foundation(count: number): BenchObject[] {
  const namespaces = namespaceNames(count).map((name) => ({
    path: "/api/v1/namespaces",
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { team: `team-${name.length % 3}` } } },
  }));
  return [{ path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body: widgetCrd() }, ...namespaces];
}

/** Exactly `count` objects, namespaced but for a few. */
export function* objectMix(count: number): Generator<BenchObject> {
  const namespaces = namespaceNames(count);
  const random = createRandom(count);
  for (let index = 0; index < count; index++) {
    // the cube puts nearly half of all objects into the first tenth of the namespaces
    const namespace = namespaces[Math.floor(random() ** 3 * namespaces.length)] ?? "";
    yield makeObject(index, namespace, random);
  }
}

function namespaceNames(count: number): string[] {
  const many = Math.max(5, Math.min(200, Math.round(count / 400)));
  return Array.from({ length: many }, (_, index) => `bench-${String(index).padStart(3, "0")}`);
}

type Random = () => number;
type Maker = (name: string, namespace: string, random: Random) => { path: string; body: object };

/** Of a hundred objects, how many are made by which maker. */
const SHARES: readonly (readonly [number, Maker])[] = [
  [34, configMap],
  [15, secret],
  [5, serviceAccount],
  [10, service],
  [12, deployment],
  [2, statefulSet],
  [10, widget],
  [3, ingress],
  [2, networkPolicy],
  [3, role],
  [3, roleBinding],
  [1, clusterRole],
];

function makeObject(index: number, namespace: string, random: Random): BenchObject {
  let left = index % 100;
  for (const [share, maker] of SHARES) {
    if (left < share) return maker(`item-${String(index).padStart(6, "0")}`, namespace, random);
    left -= share;
  }
  throw new RangeError("the shares do not add up to a hundred");
}

function configMap(name: string, namespace: string, random: Random) {
  const sizes = [200, 200, 400, 800, 2_000, 4_000, 8_000, 40_000];
  const size = sizes[Math.floor(random() ** 2 * sizes.length)] ?? 200;
  return core(namespace, "configmaps", "ConfigMap", name, {
    data: { "app.properties": prose(size, random), mode: "production" },
  });
}

function secret(name: string, namespace: string, random: Random) {
  const bytes = Buffer.from(prose(100 + Math.floor(random() ** 3 * 3_000), random));
  return core(namespace, "secrets", "Secret", name, { type: "Opaque", data: { password: bytes.toString("base64") } });
}

function serviceAccount(name: string, namespace: string) {
  return core(namespace, "serviceaccounts", "ServiceAccount", name, {});
}

function service(name: string, namespace: string) {
  const ports = [
    { name: "http", port: 80, targetPort: 8080 },
    { name: "metrics", port: 9090, targetPort: "metrics" },
  ];
  // headless: the service range of the test server holds fewer addresses than a large bench has services
  return core(namespace, "services", "Service", name, { spec: { clusterIP: "None", selector: { app: name }, ports } });
}

function deployment(name: string, namespace: string, random: Random) {
  const spec = { replicas: 3, selector: { matchLabels: { app: name } }, template: podTemplate(name, random) };
  return inGroup("apps", "v1", namespace, "deployments", "Deployment", name, { spec });
}

function statefulSet(name: string, namespace: string, random: Random) {
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } } },
  };
  const spec = {
    serviceName: name,
    replicas: 3,
    selector: { matchLabels: { app: name } },
    template: podTemplate(name, random),
    volumeClaimTemplates: [claim],
  };
  return inGroup("apps", "v1", namespace, "statefulsets", "StatefulSet", name, { spec });
}

function widget(name: string, namespace: string, random: Random) {
  const rules = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, index) => ({
    host: `${name}-${index}.example.com`,
    weight: Math.floor(random() * 100),
    note: prose(60, random),
  }));
  return inGroup(GROUP, "v1", namespace, "widgets", "Widget", name, {
    spec: { size: Math.floor(random() * 1e6), serial: Math.floor(random() * 1e15), rules },
  });
}

function ingress(name: string, namespace: string) {
  const backend = { service: { name, port: { number: 80 } } };
  const rules = [{ host: `${name}.example.com`, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }];
  return inGroup("networking.k8s.io", "v1", namespace, "ingresses", "Ingress", name, { spec: { rules } });
}

function networkPolicy(name: string, namespace: string) {
  const spec = {
    podSelector: { matchLabels: { app: name } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "team-1" } } }], ports: [{ port: 8080 }] }],
  };
  return inGroup("networking.k8s.io", "v1", namespace, "networkpolicies", "NetworkPolicy", name, { spec });
}

function role(name: string, namespace: string) {
  const rules = [{ apiGroups: [""], resources: ["configmaps", "secrets"], verbs: ["get", "list", "watch"] }];
  return inGroup("rbac.authorization.k8s.io", "v1", namespace, "roles", "Role", name, { rules });
}

function roleBinding(name: string, namespace: string) {
  const subjects = [{ kind: "ServiceAccount", name: "default", namespace }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
  return inGroup("rbac.authorization.k8s.io", "v1", namespace, "rolebindings", "RoleBinding", name, {
    subjects,
    roleRef,
  });
}

function clusterRole(name: string) {
  const rules = [{ apiGroups: [GROUP], resources: ["widgets"], verbs: ["get", "list"] }];
  return inGroup("rbac.authorization.k8s.io", "v1", "", "clusterroles", "ClusterRole", name, { rules });
}

function podTemplate(name: string, random: Random) {
  const env = Array.from({ length: 2 + Math.floor(random() * 12) }, (_, index) => ({
    name: `SETTING_${index}`,
    value: prose(20, random),
  }));
  const probe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 10 };
  const resources = { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } };
  const container = {
    name: "app",
    image: `registry.example.com/${name}:1.4.2`,
    env,
    resources,
    livenessProbe: probe,
    readinessProbe: probe,
  };
  return {
    metadata: { labels: { app: name } },
    spec: { containers: [container], securityContext: { runAsNonRoot: true } },
  };
}

function core(namespace: string, resource: string, kind: string, name: string, rest: object) {
  return {
    path: `/api/v1/namespaces/${namespace}/${resource}`,
    body: { apiVersion: "v1", kind, metadata: metadata(name, namespace), ...rest },
  };
}

function inGroup(
  group: string,
  version: string,
  namespace: string,
  resource: string,
  kind: string,
  name: string,
  rest: object,
) {
  const scope = namespace === "" ? "" : `/namespaces/${namespace}`;
  const body = { apiVersion: `${group}/${version}`, kind, metadata: metadata(name, namespace), ...rest };
  return { path: `/apis/${group}/${version}${scope}/${resource}`, body };
}

function metadata(name: string, namespace: string) {
  const labels = { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "bench" };
  return {
    name,
    ...(namespace === "" ? {} : { namespace }),
    labels,
    annotations: { "example.com/owner": "platform team" },
  };
}

function widgetCrd() {
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { plural: "widgets", singular: "widget", kind: "Widget" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
}

const WORDS =
  "alpha beta gamma delta config server timeout retries enabled disabled http://service.local:8080/path level=info cache size limit true false 0 1 42 1000 node pool shard replica".split(
    " ",
  );

/** Text that compresses as settings do, not as one repeated letter does. */
function prose(length: number, random: Random): string {
  let text = "";
  while (text.length < length)
    text += `${WORDS[Math.floor(random() * WORDS.length)] ?? ""}${Math.floor(random() * 10_000).toString(36)} `;
  return text.slice(0, length);
}

/** Mulberry32: small, fast, the same on every machine. */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
