/** Where backups differ from Velero's on purpose: each rule explains the findings it is responsible for, in any folder. */
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import type { RecordedBackup } from "./backup-case.ts";
import { classicPaths, type Finding } from "./backup-compare.ts";

/** One deliberate difference. Ids are public: `docs/velero-differences.md` lists them. */
export interface BackupDifference {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
  explains(finding: Finding, recorded: RecordedBackup): boolean;
}

export const BACKUP_DIFFERENCES: readonly BackupDifference[] = [
  {
    id: "B1",
    title: "a backup without any filter holds cluster-scoped objects",
    reason:
      "Velero documents it; since 1.17 its code adds excludes of its own to such a spec, takes them for the user's, and leaves most cluster-scoped objects out.",
    explains: (finding, { spec }) =>
      finding.type === "extra" && finding.detail.includes("/cluster/") && isUnfiltered(spec),
  },
  {
    id: "B2",
    title: "a claim whose volume data is not in the backup is a warning",
    reason: "Velero says it only in a row of the volume info, so a backup without data looks like one with it.",
    explains: (finding) =>
      finding.type === "warnings" &&
      /resource: \/(persistentvolumeclaims|pods) .*the data of .* is not in this backup/.test(finding.detail),
  },
  {
    id: "B3",
    title: "a spec that demands volume data is refused",
    reason:
      "Velero without a snapshotter completes such a backup and leaves the data out. Holdfast copies no volume data yet and says so before it begins.",
    explains: (finding, { spec }) => demandsData(spec) && (finding.type === "phase" || finding.type === "missing"),
  },
  {
    id: "B4",
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
    id: "B5",
    title: "Namespace objects of excluded namespaces are not stored",
    reason: "Velero stores the empty Namespace objects of namespaces that the spec excludes (velero#9180).",
    explains: (finding, { spec }) =>
      finding.type === "missing" &&
      finding.detail.startsWith("namespaces/cluster/") &&
      (spec.excludedNamespaces ?? []).some((name) => name === finding.detail.split("/")[2]),
  },
  {
    id: "B6",
    title: "an unknown storage location is refused before the engine is asked",
    reason:
      "The location is resolved by the reconciler, which reports it on the Backup; the engine is given an open store.",
    explains: (_finding, { spec }) => spec.storageLocation !== undefined && spec.storageLocation !== "default",
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
