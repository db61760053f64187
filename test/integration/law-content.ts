/** What of an object a restore promises to bring back: what a person wrote, without what the cluster assigns anew. */
import type { KubeObject } from "../../src/api/object.ts";

/** The volumes that come back as they are: those of policy Retain. The others' claims get new ones. */
export function keptVolumes(archived: readonly KubeObject[]): ReadonlySet<string> {
  const kept = archived.filter(({ kind, spec }) => kind === "PersistentVolume" && policyOf(spec) === "Retain");
  return new Set(kept.map(({ metadata }) => metadata.name));
}

/** Contents to be compared, without those of volumes that don't come back. */
export function contentsOf(objects: readonly KubeObject[], kept: ReadonlySet<string>): object[] {
  return objects
    .filter(({ kind, metadata }) => kind !== "PersistentVolume" || kept.has(metadata.name))
    .map((object) => contentOf(object, kept));
}

/** One object's, with its namespace. */
export function contentOf(object: KubeObject, kept: ReadonlySet<string>): object {
  const { metadata, status: _status, ...rest } = object;
  const { "velero.io/backup-name": _b, "velero.io/restore-name": _r, ...labels } = metadata.labels ?? {};
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(
      ([key]) => !/^(?:pv|volume)(?:\.beta)?\.kubernetes\.io\//.test(key),
    ),
  );
  const content = { ...rest, name: metadata.name, namespace: metadata.namespace, labels, annotations };
  const adjust = ADJUSTED[object.kind];
  return adjust === undefined ? content : { ...content, spec: adjust(structuredClone(rest.spec) as Spec, kept) };
}

type Spec = Record<string, unknown>;

const ADJUSTED: Readonly<Record<string, (spec: Spec, kept: ReadonlySet<string>) => unknown>> = {
  Service: ({ clusterIP: _ip, clusterIPs: _ips, ports, ...rest }) => ({
    ...rest,
    ports: (ports as Spec[]).map(({ nodePort: _port, ...each }) => each),
  }),
  Pod: ({ nodeName: _node, ...spec }) =>
    JSON.parse(JSON.stringify(spec).replaceAll(/kube-api-access-[a-z0-9]+/g, "kube-api-access")),
  PersistentVolume: ({ claimRef, ...rest }) => {
    const { uid: _uid, resourceVersion: _version, ...claim } = claimRef as Spec;
    return { ...rest, claimRef: claim };
  },
  PersistentVolumeClaim: ({ volumeName, ...rest }, kept) =>
    kept.has(String(volumeName)) ? { ...rest, volumeName } : rest,
};

function policyOf(spec: unknown): unknown {
  return (spec as Spec).persistentVolumeReclaimPolicy;
}
