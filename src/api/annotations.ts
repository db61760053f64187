/** Names of the annotations and labels that Holdfast reads and writes. */

/** Hint: the GitSource that applied the object, as `namespace/name`. Believed by nothing. */
export const GIT_SOURCE_ANNOTATION = "holdfast.dev/git-source";
/** Hint: the commit that last changed the object's document. */
export const REVISION_ANNOTATION = "holdfast.dev/revision";
/** Command: delete this backup's data; the value repeats the backup's name. Refused in YAML from Git. */
export const DELETE_REQUESTED_ANNOTATION = "holdfast.dev/delete-requested";
/** Command: with the above, forget the backup although its location is gone for good. Refused in YAML from Git. */
export const DELETE_FORCED_ANNOTATION = "holdfast.dev/delete-forced";
/** Command: lets exactly the named set of deletions through the breaker. Refused in YAML from Git. */
export const ALLOW_DELETIONS_ANNOTATION = "holdfast.dev/allow-deletions";
/** Command: go on from this commit although it does not descend from the last applied one. Refused in YAML from Git. */
export const ACCEPT_REWRITE_ANNOTATION = "holdfast.dev/accept-rewrite";
/** Command: stop the run; the value repeats the run's name. Refused in YAML from Git. */
export const CANCEL_REQUESTED_ANNOTATION = "holdfast.dev/cancel-requested";
/** In `velero-backup.json`: SHA-256 of `holdfast.json`. Tells our backups from Velero's. */
export const MANIFEST_SHA256_ANNOTATION = "holdfast.dev/manifest-sha256";

/** In `velero-backup.json`, as Velero has it: the ConfigMap of the volume policies that held for every backup. */
export const GLOBAL_POLICY_ANNOTATION = "velero.io/global-backup-volume-policy-configmap";

/** Every annotation that commands: a person sets it on a live object, once. */
export const COMMAND_ANNOTATIONS: readonly string[] = [
  DELETE_REQUESTED_ANNOTATION,
  DELETE_FORCED_ANNOTATION,
  ALLOW_DELETIONS_ANNOTATION,
  ACCEPT_REWRITE_ANNOTATION,
  CANCEL_REQUESTED_ANNOTATION,
];

/** What a backup was made for; `safety` before a restore. */
export const PURPOSE_LABEL = "holdfast.dev/purpose";
export const SAFETY_PURPOSE = "safety";
/** The policy and schedule of a backup; values over 63 characters are cut and hashed. */
export const POLICY_LABEL = "holdfast.dev/policy";
export const SCHEDULE_LABEL = "holdfast.dev/schedule";
/** Name of the installation that made a backup. */
export const CLUSTER_LABEL = "holdfast.dev/cluster";
/** On an expired Backup whose location keeps it from being deleted; values are Velero's (`BSLNotFound` and its like). */
export const GC_FAILURE_LABEL = "holdfast.dev/gc-failure";
/** Objects that carry one of these with the value "true" are left out of backups. */
export const EXCLUDE_LABELS: readonly string[] = ["holdfast.dev/exclude-from-backup", "velero.io/exclude-from-backup"];
