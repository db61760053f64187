/** Where backups differ from Velero's on purpose: each rule explains the findings it is responsible for, in any folder. */
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import type { RecordedBackup } from "./backup-case.ts";
import { classicPaths, type Finding } from "./backup-compare.ts";

/** One deliberate difference. Ids are public: `docs/velero-differences.md` lists them. */
export interface BackupDifference {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
  /** False for what the recordings can't show. */
  explains(finding: Finding, recorded: RecordedBackup): boolean;
}

export const BACKUP_DIFFERENCES: readonly BackupDifference[] = [
  {
    id: "whole-backup",
    title: "a backup without any filter holds cluster-scoped objects",
    reason:
      "Velero documents it; since 1.17 its code adds excludes of its own to such a spec, takes them for the user's, and leaves most cluster-scoped objects out.",
    explains: (finding, { spec }) =>
      finding.type === "extra" && finding.detail.includes("/cluster/") && isUnfiltered(spec),
  },
  {
    id: "volume-data-warned",
    title: "a claim whose volume data is not in the backup is a warning",
    reason: "Velero says it only in a row of the volume info, so a backup without data looks like one with it.",
    explains: (finding) =>
      finding.type === "warnings" &&
      /resource: \/(persistentvolumeclaims|pods) .*the data of .* is not in this backup/.test(finding.detail),
  },
  {
    id: "volume-data-refused",
    title: "a spec that demands volume data is refused",
    reason:
      "Velero without a snapshotter completes such a backup and leaves the data out. Holdfast copies no volume data yet and says so before it begins.",
    explains: (finding, { spec }) => demandsData(spec) && (finding.type === "phase" || finding.type === "missing"),
  },
  {
    id: "pod-service-account",
    title: "a pod brings its service account",
    reason: "A pod that was chosen by label can't be restored without its account.",
    explains: (finding, recorded) =>
      finding.type === "extra" &&
      finding.detail.startsWith("serviceaccounts/") &&
      classicPaths(recorded.tarEntries).some((path) =>
        path.startsWith(`pods/namespaces/${finding.detail.split("/")[2]}/`),
      ),
  },
  {
    id: "excluded-namespace-object",
    title: "Namespace objects of excluded namespaces are not stored",
    reason: "Velero stores the empty Namespace objects of namespaces that the spec excludes (velero#9180).",
    explains: (finding, { spec }) =>
      finding.type === "missing" &&
      finding.detail.startsWith("namespaces/cluster/") &&
      (spec.excludedNamespaces ?? []).some((name) => name === finding.detail.split("/")[2]),
  },
  {
    id: "unknown-location",
    title: "an unknown storage location is refused before the engine is asked",
    reason:
      "The location is resolved by the reconciler, which reports it on the Backup; the engine is given an open store.",
    explains: (_finding, { spec }) => spec.storageLocation !== undefined && spec.storageLocation !== "default",
  },
  {
    id: "objects-as-they-are",
    title: "objects are stored byte for byte",
    reason:
      "Velero removes the data source and selector of a bound claim and turns some CRDs into v1beta1 while it stores them; Holdfast does at restore what a restore needs, so that a backup shows what was there. The paths are the same.",
    explains: () => false,
  },
  {
    id: "one-copy",
    title: "each object stands once in the archive",
    reason:
      "Velero writes a second copy into `<version>-preferredversion/`, which only its own feature flag reads; `apiVersions: All` writes it here.",
    explains: () => false,
  },
  {
    id: "undo-of-pre-hooks",
    title: "post hooks run when a pre hook may have had its effect",
    reason:
      "Velero runs none after a pre hook failed with onError Fail, also when an earlier one froze the pod, or when the failing one was cut off by its time-out. A single pre hook that failed by itself is followed by none in both.",
    explains: () => false,
  },
];

function isUnfiltered(spec: BackupSpec): boolean {
  const filters: readonly (keyof BackupSpec)[] = [
    "includedResources",
    "excludedResources",
    "includedClusterScopedResources",
    "includedNamespaceScopedResources",
    "excludedNamespaces",
  ];
  const all = spec.includedNamespaces === undefined || spec.includedNamespaces.every((name) => name === "*");
  return (
    all &&
    spec.includeClusterResources === undefined &&
    filters.every((field) => (spec[field] as readonly string[] | undefined)?.length === undefined)
  );
}

function demandsData(spec: BackupSpec): boolean {
  const { volumeSnapshotLocations } = spec as { readonly volumeSnapshotLocations?: readonly string[] };
  return (
    spec.snapshotVolumes === true ||
    spec.defaultVolumesToFsBackup === true ||
    spec.snapshotMoveData === true ||
    (volumeSnapshotLocations ?? []).length > 0
  );
}
