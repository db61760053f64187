import { API_VERSION } from "../api/kinds.ts";
import type { KubeObject } from "../api/object.ts";
import { type Located, type Note, noteOn } from "./velero-documents.ts";

interface VeleroLocation {
  readonly provider?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly credential?: { readonly name?: string; readonly key?: string };
  readonly objectStorage?: {
    readonly bucket?: string;
    readonly prefix?: string;
    readonly caCert?: string;
    readonly caCertRef?: object;
  };
  readonly default?: boolean;
  readonly accessMode?: string;
  readonly backupSyncPeriod?: string;
  readonly validationFrequency?: string;
}

/** Velero's `config` of the AWS plug-in → the field of `s3`; a boolean there is a text here. */
const S3_CONFIG: Readonly<Record<string, string>> = {
  region: "region",
  s3Url: "endpoint",
  s3ForcePathStyle: "forcePathStyle",
  serverSideEncryption: "serverSideEncryption",
  kmsKeyId: "kmsKeyId",
};

const WHY_NOT: Readonly<Record<string, string>> = {
  checksumAlgorithm: "Holdfast finds out what checksums an endpoint takes: leave it away",
  insecureSkipTLSVerify: "certificates are always checked: put the endpoint's CA into s3.caBundle",
  profile: "a Secret's credentials file is read with its profile `default`",
  publicUrl: "Holdfast gives out no addresses for downloads",
};

/** Velero's locations in the folder of Holdfast's: same bucket, same prefix, same backups. */
export function convertLocations(
  found: readonly Located[],
  namespace: string,
): { readonly locations: readonly KubeObject[]; readonly notes: readonly Note[] } {
  const notes: Note[] = [];
  const hasDefault = found.some(({ object }) => (object.spec as VeleroLocation | undefined)?.default === true);
  const locations = found.flatMap((at) => {
    const spec = (at.object.spec ?? {}) as VeleroLocation;
    if (!/^(?:velero\.io\/)?aws$/.test(spec.provider ?? "")) {
      const message = `Holdfast has no provider ${spec.provider ?? ""}: it reads S3 and what speaks S3, and file systems`;
      notes.push(noteOn(at, "unread", ["spec", "provider"], message));
      return [];
    }
    const isDefault = spec.default === true || (!hasDefault && at.object.metadata.name === "default");
    notes.push(...locationNotes(at, spec, isDefault));
    return [locationOf(at, spec, { namespace, isDefault })];
  });
  return { locations, notes };
}

function locationOf(
  { object }: Located,
  spec: VeleroLocation,
  { namespace, isDefault }: { readonly namespace: string; readonly isDefault: boolean },
): KubeObject {
  const { bucket = "", prefix, caCert } = spec.objectStorage ?? {};
  const { credential } = spec;
  const settings = Object.entries(spec.config ?? {}).flatMap(([name, value]) => {
    const field = S3_CONFIG[name];
    if (field === undefined || value === "") return [];
    return [[field, name === "s3ForcePathStyle" ? value === "true" : value]];
  });
  const s3 = {
    bucket,
    ...(prefix === undefined || prefix === "" ? {} : { prefix }),
    ...Object.fromEntries(settings),
    ...(credential?.name === undefined
      ? {}
      : { credentialsSecretRef: { name: credential.name, ...(credential.key ? { key: credential.key } : {}) } }),
    ...(caCert === undefined || caCert === "" ? {} : { caBundle: Buffer.from(caCert, "base64").toString("utf8") }),
  };
  return {
    apiVersion: API_VERSION,
    kind: "BackupStorageLocation",
    metadata: { name: object.metadata.name, namespace },
    spec: {
      provider: "s3",
      s3,
      ...(spec.accessMode === "ReadOnly" ? { accessMode: "ReadOnly" } : {}),
      ...(isDefault ? { default: true } : {}),
      ...(spec.validationFrequency ? { validationFrequency: spec.validationFrequency } : {}),
      ...(spec.backupSyncPeriod ? { syncPeriod: spec.backupSyncPeriod } : {}),
    },
  };
}

function locationNotes(at: Located, spec: VeleroLocation, isDefault: boolean): Note[] {
  const notes = Object.keys(spec.config ?? {})
    .filter((name) => S3_CONFIG[name] === undefined)
    .map((name) => noteOn(at, "lost", ["spec", "config", name], WHY_NOT[name] ?? "Holdfast has no such setting"));
  if (spec.objectStorage?.caCertRef !== undefined)
    notes.push(noteOn(at, "lost", ["spec", "objectStorage", "caCertRef"], "put the certificates into s3.caBundle"));
  if (spec.credential?.name === undefined) {
    const message =
      "Velero's server uses its own credentials (Secret cloud-credentials, or its pod's): name a Secret in s3.credentialsSecretRef, or give Holdfast's pod the same";
    notes.push(noteOn(at, "changed", ["spec"], message));
  }
  if (isDefault && spec.default !== true)
    notes.push(noteOn(at, "changed", ["spec"], "it is Velero's default by its name alone; here it says default: true"));
  return notes;
}
