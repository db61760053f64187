/** Volumes and claims: which come back as they are, and which claims get a new volume. */
import { dropKeys, recordAt, textAt } from "../json-path.ts";
import { KEEP, type KindHandler } from "./handler.ts";

const BINDING_ANNOTATIONS: readonly string[] = [
  "pv.kubernetes.io/bind-completed",
  "pv.kubernetes.io/bound-by-controller",
];
const CLAIM_ANNOTATIONS: readonly string[] = [
  ...BINDING_ANNOTATIONS,
  "volume.kubernetes.io/storage-provisioner",
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/selected-node",
  "velero.io/volume-snapshot-name",
  "velero.io/data-upload-name",
];

/** Methods whose data comes back through a claim that is provisioned anew. */
const PROVISIONING_METHODS: ReadonlySet<string> = new Set(["PodVolumeBackup", "CSISnapshot"]);

/** True for a backup method whose data comes back through the claim, and not with the volume. */
export function provisionsAnew(method: string | undefined): boolean {
  return method !== undefined && PROVISIONING_METHODS.has(method);
}

/** A volume whose storage is gone with it (reclaim policy Delete) or whose data is elsewhere is not created. */
export const skipDynamicVolumes: KindHandler = (object, { known, archived }) => {
  const method = known.volumeMethod(archived);
  if (provisionsAnew(method)) {
    return {
      type: "skip",
      reason: "DynamicVolume",
      message: `its claim is provisioned anew: the data was saved as ${method}`,
    };
  }
  if (textAt(object, "spec", "persistentVolumeReclaimPolicy") === "Delete") {
    return {
      type: "skip",
      reason: "DynamicVolume",
      message: "its reclaim policy is Delete: its claim is provisioned anew, empty",
    };
  }
  return KEEP;
};

/** Lets a volume bind to the claim of that name again, and follows the namespace mapping. */
export const preparePersistentVolume: KindHandler = (object, { options }) => {
  const claim = recordAt(object, "spec", "claimRef");
  if (claim !== undefined) {
    delete claim.uid;
    delete claim.resourceVersion;
    const mapped = options.namespaceMapping.get(textAt(claim, "namespace"));
    if (mapped !== undefined) claim.namespace = mapped;
  }
  dropMetadata(object, "annotations", BINDING_ANNOTATIONS);
  return KEEP;
};

/** Lets a claim be bound or provisioned again. */
export const preparePersistentVolumeClaim: KindHandler = (object, { known }) => {
  dropMetadata(object, "annotations", CLAIM_ANNOTATIONS);
  const spec = recordAt(object, "spec");
  const volume = textAt(spec, "volumeName");
  if (spec !== undefined && volume !== "" && known.isDynamicVolume(volume)) delete spec.volumeName;
  return KEEP;
};

/** The volume a claim was bound to, as Velero's action asks for it; "" where it was not bound. */
export function volumeOfClaim(claim: unknown): string {
  return textAt(claim, "status", "phase") === "Bound" ? textAt(claim, "spec", "volumeName") : "";
}

function dropMetadata(object: object, field: string, keys: readonly string[]): void {
  const metadata = recordAt(object, "metadata");
  if (metadata !== undefined) dropKeys(metadata, field, keys);
}
