/** Where backups differ from Velero's on purpose: each rule explains the findings it is responsible for, in any folder. */
import { compileGlob } from "../../src/api/glob.ts";
import type { BackupSpec } from "../../src/api/kinds.generated.ts";
import { labelSelectorProblems, matchesLabels, selectsEverything } from "../../src/api/label-selector.ts";
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
      (finding.detail.startsWith("serviceaccounts/")
        ? hasPathIn(recorded, `pods/namespaces/${finding.detail.split("/")[2]}/`)
        : isOfAnAccount(finding.detail) && hasPathIn(recorded, "pods/")),
  },
  {
    id: "claim-brings-no-pod",
    title:
      "a claim that was chosen by label or by a filter of a policy does not bring the pods that mount it, nor the other claims of its volume group",
    reason:
      "Velero puts a claim, its pods and its group into one block and then stores them whatever their labels, and what they need.",
    explains: (finding, recorded) => finding.type === "missing" && isBroughtByClaim(finding.detail, recorded),
  },
  {
    id: "excluded-namespace-object",
    title: "Namespace objects of namespaces that were not chosen are not stored",
    reason:
      "Velero stores those whose labels match the spec's selector, also where the spec excludes them or does not include them. (Until 1.18.2 it stored excluded ones without a selector, too: velero#9180.)",
    explains: (finding, { spec }) => {
      const [kind, , name = ""] = finding.detail.split("/");
      if (finding.type !== "missing" || kind !== "namespaces") return false;
      const { includedNamespaces: included = [], excludedNamespaces: excluded = [] } = spec;
      const isChosen = included.length === 0 || included.some((each) => compileGlob(each)(name));
      return hasSelector(spec) && (excluded.includes(name) || !isChosen);
    },
  },
  {
    id: "labelled-out-namespace",
    title: "a namespace that is labelled out of backups changes nothing for the others",
    reason:
      "Velero takes its name for an exclude of the user's. A backup of all namespaces then is one of some: it leaves out cluster-scoped objects, or, by label, stores every Namespace object and not only those that match or hold something.",
    explains: (finding, { spec, labelledOut }) =>
      labelledOut.length > 0 &&
      selectsAll(spec) &&
      (spec.excludedNamespaces ?? []).length === 0 &&
      (finding.type === "missing"
        ? hasSelector(spec) && finding.detail.startsWith("namespaces/cluster/")
        : finding.type === "extra" && finding.detail.includes("/cluster/")),
  },
  {
    id: "missing-namespace",
    title: "a namespace that is named and not there is an error, whatever kinds are backed up",
    reason: "Velero says so only where Namespace objects are among them; else a backup of nothing is Completed.",
    explains: (finding, { spec, phase }) =>
      phase === "Completed" &&
      (spec.includedNamespaces ?? []).length > 0 &&
      (finding.type === "phase" || finding.type === "errors") &&
      /fail to get the namespace \S+ specified/.test(finding.detail),
  },
  {
    id: "empty-selector",
    title: "an empty label selector selects everything",
    reason:
      "Velero asks the API server for what is labelled `<none>`, which it refuses kind by kind, and stores Namespace objects only.",
    explains: (_finding, { spec, phase }) =>
      phase === "PartiallyFailed" &&
      [spec.labelSelector ?? NOT_EMPTY, ...(spec.orLabelSelectors ?? [])].some(selectsEverything),
  },
  {
    id: "custom-resource-brings-crd",
    title: "a custom resource brings its CRD wherever CRDs are not excluded",
    reason:
      "Velero leaves that to the filters where CRDs are included: by label it stores custom resources that can't be restored.",
    explains: (finding, { spec }) =>
      finding.type === "extra" &&
      finding.detail.startsWith("customresourcedefinitions.apiextensions.k8s.io/cluster/") &&
      hasSelector(spec),
  },
  {
    id: "argocd-namespaces",
    title: "a namespace that Argo CD manages is no warning",
    reason:
      "Velero warns of undesirable results. Holdfast pauses what manages an object while it restores it, and says so in the plan.",
    explains: (finding, { warnings }) =>
      finding.type === "warnings" &&
      finding.detail.startsWith("Velero's alone") &&
      [...(warnings.velero ?? []), ...(warnings.cluster ?? [])].every((line) => line.includes("managed by ArgoCD")),
  },
  {
    id: "missing-claim",
    title: "a pod whose claim is missing is stored, with or without a resource policy",
    reason: "Velero asks for the claim to judge its volume once there is a policy, and drops the pod as failed.",
    explains: (finding, { errors, policy }) =>
      policy !== undefined &&
      (finding.type === "extra" ? finding.detail.startsWith("pods/") : finding.type !== "missing") &&
      Object.values(errors)
        .flatMap((group) => JSON.stringify(group))
        .some((text) => text.includes("failed to get PVC")),
  },
  {
    id: "filters-of-a-namespace",
    title: "a policy's filters of a namespace take the place of the spec's label selectors",
    reason:
      "Velero documents it, and does so where it lists namespaces one by one; where it lists all at once, an object must match both.",
    explains: (finding, { spec, policy }) =>
      finding.type === "extra" &&
      hasSelector(spec) &&
      selectsAll(spec) &&
      (policy?.namespacedFilters ?? []).some(({ namespaces }) =>
        namespaces.some((pattern) => compileGlob(pattern)(finding.detail.split("/")[2] ?? "")),
      ),
  },
  {
    id: "filters-of-namespaces-only",
    title: "a policy's filters of namespaces leave cluster-scoped objects alone",
    reason:
      "Velero takes the pattern `*` for a match of what has no namespace, too, and then leaves out the cluster-scoped kinds that the filters don't name.",
    explains: (finding, { policy }) =>
      finding.type === "extra" &&
      finding.detail.includes("/cluster/") &&
      (policy?.namespacedFilters ?? []).some(({ namespaces }) => namespaces.includes("*")),
  },
  {
    id: "filter-of-no-kind",
    title: "a policy's filter for a kind that is not served is a warning",
    reason:
      "Velero says so, too, and counts an error of its own besides: the backup is PartiallyFailed although nothing of it failed.",
    explains: (finding, { errors, policy }) =>
      (policy?.namespacedFilters ?? []).length > 0 &&
      (finding.type === "errors" || finding.type === "phase") &&
      (errors.velero ?? []).some((line) => line.includes("fail to get resource")) &&
      !finding.detail.startsWith("ours alone"),
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
    id: "global-filters-refused",
    title: "filters in the volume policies of every backup are refused",
    reason:
      "Velero's server ignores all but `volumePolicies` in the ConfigMap of `--global-backup-volume-policies-configmap`, with a line in its log; who wrote filters there meant them to narrow something.",
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
    explains: (finding) => {
      const [, recorded = "", ours = ""] = /^[^:]+: (.*) became (.*)$/.exec(finding.detail) ?? [];
      return finding.type === "execs" && recorded !== "" && ours.startsWith(`${recorded}, `);
    },
  },
  {
    id: "nothing-matched",
    title: "patterns that no namespace matches are a warning",
    reason: "Velero completes such a backup of nothing without a word.",
    explains: (finding) => finding.type === "warnings" && /no namespaces matched/.test(finding.detail),
  },
  {
    id: "braces",
    title: "braces are patterns in a backup as they are in a restore",
    reason: "Velero takes `{a,b}` in the namespaces of a restore, and refuses it in those of a backup.",
    explains: (finding, { spec, phase }) =>
      phase === "FailedValidation" &&
      (finding.type === "extra" || finding.type === "phase") &&
      [...(spec.includedNamespaces ?? []), ...(spec.excludedNamespaces ?? [])].some((name) => name.includes("{")),
  },
  {
    id: "refused-for-good",
    title: "a spec that can't do what it says is refused",
    reason:
      "Velero takes a label selector with an unknown operator, or a key that no label has, and then fails to list anything, and leaves out a policy of another kind than a ConfigMap without a word.",
    explains: (finding, { phase, spec }) =>
      phase !== "FailedValidation" && finding.type !== "extra" && (hasWrongSelector(spec) || hasOtherPolicyKind(spec)),
  },
];

/** Stands for a selector that is absent. */
const NOT_EMPTY = { matchLabels: { absent: "" } };

function hasSelector({ labelSelector, orLabelSelectors }: BackupSpec): boolean {
  return labelSelector !== undefined || orLabelSelectors !== undefined;
}

function selectsAll({ includedNamespaces = [] }: BackupSpec): boolean {
  return includedNamespaces.every((name) => name === "*");
}

function hasWrongSelector({ labelSelector, orLabelSelectors = [] }: BackupSpec): boolean {
  return [labelSelector ?? {}, ...orLabelSelectors].some((selector) => labelSelectorProblems(selector).length > 0);
}

function hasOtherPolicyKind({ resourcePolicy }: BackupSpec): boolean {
  return resourcePolicy !== undefined && resourcePolicy.kind.toLowerCase() !== "configmap";
}

/** A pod that no selector chose and that mounts a claim of the archive, or the priority class of such a pod. */
function isBroughtByClaim(path: string, recorded: RecordedBackup): boolean {
  const [resource = "", , ...rest] = path.split("/");
  const brought = podsBroughtByClaims(recorded);
  if (resource === "pods") {
    const [namespace, name = ""] = rest;
    return brought.some((pod) => pod.namespace === namespace && pod.names.test(name));
  }
  return resource === "priorityclasses.scheduling.k8s.io" && brought.some((pod) => pod.priorityClass === rest[0]);
}

interface BroughtPod {
  readonly namespace: string;
  readonly names: RegExp;
  readonly priorityClass: string;
}

interface PodShape {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly priorityClassName?: string;
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
  };
}

/** Pods of the manifests, and those that their workloads make. */
function podsBroughtByClaims(recorded: RecordedBackup): BroughtPod[] {
  const { labelSelector, orLabelSelectors = [] } = recorded.spec;
  const selectors = [...(labelSelector === undefined ? [] : [labelSelector]), ...orLabelSelectors];
  const hasFilters = (recorded.policy?.namespacedFilters ?? []).length > 0;
  const claims = new Set(classicPaths(recorded.tarEntries));
  return recorded.applied.flatMap(({ kind, metadata, spec }) => {
    const { name, namespace = "" } = metadata;
    const template = (spec as { template?: PodShape } | undefined)?.template;
    const pod: PodShape | undefined = kind === "Pod" ? ({ metadata, spec } as PodShape) : template;
    if (pod === undefined || (selectors.length === 0 && !hasFilters)) return [];
    // What a policy's filter chooses is told by more than labels.
    const isChosen = !hasFilters && selectors.some((selector) => matchesLabels(selector, pod.metadata?.labels));
    const mounts = (pod.spec?.volumes ?? []).some(
      ({ persistentVolumeClaim: claim }) =>
        claim !== undefined && claims.has(`persistentvolumeclaims/namespaces/${namespace}/${claim.claimName}`),
    );
    if (isChosen || !mounts) return [];
    const names = kind === "Pod" ? new RegExp(`^${name}$`) : new RegExp(`^${name}-`);
    return [{ namespace, names, priorityClass: pod.spec?.priorityClassName ?? "" }];
  });
}

/** What a service account brings. */
function isOfAnAccount(path: string): boolean {
  return /^clusterrole(?:binding)?s\.rbac\.authorization\.k8s\.io\/cluster\//.test(path);
}

function hasPathIn({ tarEntries }: Pick<RecordedBackup, "tarEntries">, start: string): boolean {
  return classicPaths(tarEntries).some((path) => path.startsWith(start));
}

function isUnfiltered(spec: BackupSpec): boolean {
  const filters: readonly (keyof BackupSpec)[] = [
    "includedResources",
    "excludedResources",
    "includedClusterScopedResources",
    "includedNamespaceScopedResources",
    "excludedNamespaces",
  ];
  return (
    selectsAll(spec) &&
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
