/* Generated from schemas/ by `npm run generate`; never edited by hand. */

/** The definitions that the kinds' schemas refer to, under `#/definitions/`. */
export const DEFINITIONS: Readonly<Record<string, object>> = {
  "BackupSpec": {
    "type": "object",
    "description": "What to back up, where to and for how long. Fields mean what they mean in Velero.",
    "additionalProperties": false,
    "x-kubernetes-validations": [
      {
        "rule": "!(has(self.labelSelector) && has(self.orLabelSelectors) && self.orLabelSelectors.size() > 0)",
        "message": "encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified"
      },
      {
        "rule": "!(((has(self.includedResources) && self.includedResources.size() > 0) || (has(self.excludedResources) && self.excludedResources.size() > 0) || has(self.includeClusterResources)) && ((has(self.includedClusterScopedResources) && self.includedClusterScopedResources.size() > 0) || (has(self.excludedClusterScopedResources) && self.excludedClusterScopedResources.size() > 0) || (has(self.includedNamespaceScopedResources) && self.includedNamespaceScopedResources.size() > 0) || (has(self.excludedNamespaceScopedResources) && self.excludedNamespaceScopedResources.size() > 0)))",
        "message": "include-resources, exclude-resources and include-cluster-resources are old filter parameters. include-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters. They cannot be used together"
      }
    ],
    "properties": {
      "includedNamespaces": {
        "type": "array",
        "description": "Namespaces to back up, by name or pattern. Absent or `*`: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedNamespaces": {
        "type": "array",
        "description": "Namespaces to leave out, by name or pattern.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedResources": {
        "type": "array",
        "description": "Resources to back up (`deployments.apps`, `pods`, `*.example.com`). Absent or `*`: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedResources": {
        "type": "array",
        "description": "Resources to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedClusterScopedResources": {
        "type": "array",
        "description": "Cluster-scoped resources to back up.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedClusterScopedResources": {
        "type": "array",
        "description": "Cluster-scoped resources to leave out; `*`: all of them.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedNamespaceScopedResources": {
        "type": "array",
        "description": "Namespaced resources to back up.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedNamespaceScopedResources": {
        "type": "array",
        "description": "Namespaced resources to leave out; `*`: all of them.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includeClusterResources": {
        "type": "boolean",
        "description": "true: cluster-scoped objects too; false: none; absent: those that the selected objects need, or all where nothing narrows the backup."
      },
      "labelSelector": {
        "$ref": "#/definitions/LabelSelector"
      },
      "orLabelSelectors": {
        "type": "array",
        "description": "Objects that any of these select.",
        "maxItems": 64,
        "items": {
          "$ref": "#/definitions/LabelSelector"
        }
      },
      "orderedResources": {
        "type": "object",
        "description": "Objects to back up first, in order: resource → comma-separated `namespace/name` (`name` where cluster-scoped).",
        "maxProperties": 100,
        "additionalProperties": {
          "type": "string",
          "maxLength": 65536
        }
      },
      "hooks": {
        "$ref": "#/definitions/BackupHooks"
      },
      "resourcePolicy": {
        "$ref": "#/definitions/ConfigMapReference"
      },
      "snapshotVolumes": {
        "type": "boolean",
        "description": "Velero's switch for volume snapshots. Holdfast copies no volume data yet and refuses `true`."
      },
      "defaultVolumesToFsBackup": {
        "type": "boolean",
        "description": "Velero's switch for file-system backup of volumes. Holdfast copies no volume data yet and refuses `true`."
      },
      "snapshotMoveData": {
        "type": "boolean",
        "description": "Velero's switch for moving snapshot data. Holdfast copies no volume data yet and refuses `true`."
      },
      "apiVersions": {
        "type": "string",
        "description": "Which versions of each object are archived. Absent: Preferred.",
        "enum": [
          "Preferred",
          "All"
        ]
      },
      "storageLocation": {
        "type": "string",
        "description": "The BackupStorageLocation, in the same namespace. Absent: the default one.",
        "minLength": 1,
        "maxLength": 253
      },
      "ttl": {
        "type": "string",
        "description": "How long the backup is kept, from its start; `0s`: for ever. Absent: 720h.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      }
    }
  },
  "BackupHooks": {
    "type": "object",
    "description": "Commands run in pods around their backup.",
    "additionalProperties": false,
    "properties": {
      "resources": {
        "type": "array",
        "description": "Hooks with the pods they are for.",
        "maxItems": 100,
        "items": {
          "$ref": "#/definitions/BackupResourceHookSpec"
        }
      }
    }
  },
  "BackupResourceHookSpec": {
    "type": "object",
    "description": "Hooks for the pods that the filters select.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "What logs and results call the hook.",
        "minLength": 1,
        "maxLength": 253
      },
      "includedNamespaces": {
        "type": "array",
        "description": "Namespaces of the pods. Absent: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedNamespaces": {
        "type": "array",
        "description": "Namespaces to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedResources": {
        "type": "array",
        "description": "Only `pods` is supported.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedResources": {
        "type": "array",
        "description": "Resources to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "labelSelector": {
        "$ref": "#/definitions/LabelSelector"
      },
      "pre": {
        "type": "array",
        "description": "Before the pod and its volumes are backed up.",
        "maxItems": 32,
        "items": {
          "$ref": "#/definitions/BackupResourceHook"
        }
      },
      "post": {
        "type": "array",
        "description": "After the pod and its volumes are backed up.",
        "maxItems": 32,
        "items": {
          "$ref": "#/definitions/BackupResourceHook"
        }
      }
    }
  },
  "BackupResourceHook": {
    "type": "object",
    "description": "One hook.",
    "additionalProperties": false,
    "required": [
      "exec"
    ],
    "properties": {
      "exec": {
        "$ref": "#/definitions/BackupExecHook"
      }
    }
  },
  "BackupExecHook": {
    "type": "object",
    "description": "A command in a container.",
    "additionalProperties": false,
    "required": [
      "command"
    ],
    "properties": {
      "container": {
        "type": "string",
        "description": "The container. Absent: the pod's first.",
        "minLength": 1,
        "maxLength": 63
      },
      "command": {
        "type": "array",
        "description": "The command and its arguments; no shell.",
        "minItems": 1,
        "maxItems": 256,
        "items": {
          "type": "string",
          "maxLength": 65536
        }
      },
      "onError": {
        "type": "string",
        "description": "`Fail`: the pod is not backed up. Absent: Fail.",
        "enum": [
          "Fail",
          "Continue"
        ]
      },
      "timeout": {
        "type": "string",
        "description": "How long the command may take. Absent: 30s.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      }
    }
  },
  "BackupStatus": {
    "type": "object",
    "description": "What became of the backup. Fields mean what they mean in Velero.",
    "additionalProperties": false,
    "properties": {
      "observedGeneration": {
        "type": "integer",
        "description": "The `metadata.generation` this status speaks of; -1 before the first look."
      },
      "conditions": {
        "type": "array",
        "description": "kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "type"
        ],
        "items": {
          "$ref": "#/definitions/Condition"
        }
      },
      "phase": {
        "type": "string",
        "description": "Velero's word for where the backup is; `Deleted` is ours: the data is gone, and the object stays because Git declares it.",
        "enum": [
          "New",
          "Queued",
          "ReadyToStart",
          "FailedValidation",
          "InProgress",
          "WaitingForPluginOperations",
          "WaitingForPluginOperationsPartiallyFailed",
          "Finalizing",
          "FinalizingPartiallyFailed",
          "Completed",
          "PartiallyFailed",
          "Failed",
          "Deleting",
          "Deleted"
        ]
      },
      "version": {
        "type": "integer",
        "description": "Major version of the archive format."
      },
      "formatVersion": {
        "type": "string",
        "description": "Version of the archive format.",
        "maxLength": 32
      },
      "startTimestamp": {
        "type": "string",
        "description": "When it began.",
        "format": "date-time"
      },
      "completionTimestamp": {
        "type": "string",
        "description": "When it ended.",
        "format": "date-time"
      },
      "expiration": {
        "type": "string",
        "description": "When it may be deleted; absent: never by age alone.",
        "format": "date-time"
      },
      "progress": {
        "$ref": "#/definitions/BackupProgress"
      },
      "warnings": {
        "type": "integer",
        "description": "Warnings in the results.",
        "minimum": 0
      },
      "errors": {
        "type": "integer",
        "description": "Errors in the results.",
        "minimum": 0
      },
      "failureReason": {
        "type": "string",
        "description": "Why the backup as a whole failed.",
        "maxLength": 32768
      },
      "validationErrors": {
        "type": "array",
        "description": "Why the spec was refused.",
        "maxItems": 100,
        "items": {
          "type": "string",
          "maxLength": 4096
        }
      },
      "hookStatus": {
        "$ref": "#/definitions/HookStatus"
      },
      "run": {
        "$ref": "#/definitions/RunClaim"
      },
      "cluster": {
        "type": "string",
        "description": "Name of the installation that made it.",
        "maxLength": 63
      },
      "storageLocation": {
        "type": "string",
        "description": "The location it is in.",
        "maxLength": 253
      },
      "policy": {
        "$ref": "#/definitions/BackupOrigin"
      },
      "manifestSha256": {
        "type": "string",
        "description": "Digest of `holdfast.json`; absent for Velero's backups.",
        "pattern": "^[0-9a-f]{64}$"
      },
      "archiveSizeBytes": {
        "type": "integer",
        "description": "Size of the archive.",
        "minimum": 0
      },
      "unprotectedVolumes": {
        "type": "integer",
        "description": "Persistent volume claims whose data is not in the backup.",
        "minimum": 0
      },
      "pendingHooks": {
        "type": "array",
        "description": "Post hooks that must still run, whatever happens.",
        "maxItems": 1000,
        "items": {
          "$ref": "#/definitions/PendingHook"
        }
      }
    }
  },
  "BackupProgress": {
    "type": "object",
    "description": "How far it is.",
    "additionalProperties": false,
    "properties": {
      "totalItems": {
        "type": "integer",
        "description": "Objects it holds. While it runs, those known of so far: listed, or left by the API server's own count (remainingItemCount). It grows until every resource is listed.",
        "minimum": 0
      },
      "itemsBackedUp": {
        "type": "integer",
        "description": "Objects written.",
        "minimum": 0
      },
      "itemsPerSecond": {
        "type": "integer",
        "description": "Objects written a second since its start; only while it runs.",
        "minimum": 0
      },
      "etaSeconds": {
        "type": "integer",
        "description": "Seconds that the objects known of take at this rate: an estimate, and the least it can be while resources are still to be listed. Only while it runs.",
        "minimum": 0
      },
      "resourcesListed": {
        "type": "integer",
        "description": "Resources whose objects are all listed; only while it runs.",
        "minimum": 0
      },
      "totalResources": {
        "type": "integer",
        "description": "Resources to list; only while it runs.",
        "minimum": 0
      }
    }
  },
  "BackupOrigin": {
    "type": "object",
    "description": "The policy that asked for it.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "The BackupPolicy.",
        "maxLength": 253
      },
      "namespace": {
        "type": "string",
        "description": "Its namespace.",
        "maxLength": 63
      },
      "schedule": {
        "type": "string",
        "description": "The schedule's name; `manual` on demand.",
        "maxLength": 20
      },
      "slot": {
        "type": "string",
        "description": "The scheduled time.",
        "format": "date-time"
      },
      "revision": {
        "type": "string",
        "description": "The commit that last changed the policy.",
        "maxLength": 64
      }
    }
  },
  "PendingHook": {
    "type": "object",
    "description": "A post hook that was promised when the pre hook ran.",
    "additionalProperties": false,
    "required": [
      "namespace",
      "pod",
      "command"
    ],
    "properties": {
      "namespace": {
        "type": "string",
        "description": "The pod's namespace.",
        "maxLength": 63
      },
      "pod": {
        "type": "string",
        "description": "The pod.",
        "maxLength": 253
      },
      "uid": {
        "type": "string",
        "description": "The pod's UID.",
        "maxLength": 64
      },
      "container": {
        "type": "string",
        "description": "The container.",
        "maxLength": 63
      },
      "command": {
        "type": "array",
        "description": "The command.",
        "minItems": 1,
        "maxItems": 256,
        "items": {
          "type": "string",
          "maxLength": 65536
        }
      },
      "onError": {
        "type": "string",
        "description": "What a failure means.",
        "enum": [
          "Fail",
          "Continue"
        ]
      },
      "timeout": {
        "type": "string",
        "description": "How long it may take.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "name": {
        "type": "string",
        "description": "The hook's name in results.",
        "maxLength": 253
      }
    }
  },
  "BackupPolicySpec": {
    "type": "object",
    "description": "Schedules and what each of their backups holds.",
    "additionalProperties": false,
    "required": [
      "schedules"
    ],
    "properties": {
      "schedules": {
        "type": "array",
        "description": "When backups are made; each with its own retention.",
        "minItems": 1,
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "name"
        ],
        "items": {
          "$ref": "#/definitions/Schedule"
        }
      },
      "template": {
        "$ref": "#/definitions/BackupSpec"
      },
      "suspend": {
        "type": "boolean",
        "description": "Makes no backups while true; slots that pass meanwhile are not made up. Absent: false."
      },
      "catchUp": {
        "type": "boolean",
        "description": "Whether a slot missed while Holdfast was down runs once when it is back. Absent: true."
      }
    }
  },
  "Schedule": {
    "type": "object",
    "description": "One series of backups.",
    "additionalProperties": false,
    "required": [
      "name",
      "cron"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "Part of the backups' names.",
        "x-holdfast-expects": "1 to 20 lower-case letters and digits",
        "x-kubernetes-validations": [
          {
            "rule": "self != 'manual'",
            "message": "`manual` is reserved for backups on demand"
          }
        ],
        "pattern": "^[a-z0-9]{1,20}$",
        "maxLength": 20
      },
      "cron": {
        "type": "string",
        "description": "Five cron fields, `@hourly` to `@yearly`, or `@every 1h30m`; `CRON_TZ=Zone` may stand in front.",
        "minLength": 1,
        "maxLength": 256
      },
      "timeZone": {
        "type": "string",
        "description": "IANA name of the zone the line is read in. Absent: UTC.",
        "minLength": 1,
        "maxLength": 64
      },
      "ttl": {
        "type": "string",
        "description": "How long these backups are kept at least; `0s`: for ever. Absent: that of the template, else 720h.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "keepLast": {
        "type": "integer",
        "description": "The newest so many backups are kept, however old they are.",
        "minimum": 1,
        "maximum": 100000
      },
      "keepHourly": {
        "type": "integer",
        "description": "The newest backup of each of the last so many hours that have one is kept.",
        "minimum": 1,
        "maximum": 100000
      },
      "keepDaily": {
        "type": "integer",
        "description": "The newest backup of each of the last so many days that have one is kept.",
        "minimum": 1,
        "maximum": 100000
      },
      "keepWeekly": {
        "type": "integer",
        "description": "The newest backup of each of the last so many weeks that have one is kept; weeks begin on Monday.",
        "minimum": 1,
        "maximum": 100000
      },
      "keepMonthly": {
        "type": "integer",
        "description": "The newest backup of each of the last so many months that have one is kept.",
        "minimum": 1,
        "maximum": 100000
      },
      "keepYearly": {
        "type": "integer",
        "description": "The newest backup of each of the last so many years that have one is kept.",
        "minimum": 1,
        "maximum": 100000
      },
      "firstRun": {
        "type": "string",
        "description": "`Immediate`: one backup when the policy is first seen. Absent: Slot.",
        "enum": [
          "Slot",
          "Immediate"
        ]
      },
      "jitter": {
        "type": "string",
        "description": "Up to how long a run is put off, by an amount that is the same for each slot. Absent: 0s.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "overlap": {
        "type": "string",
        "description": "`Forbid`: no new backup while one of this schedule is running. Absent: Forbid.",
        "enum": [
          "Forbid",
          "Allow"
        ]
      },
      "suspend": {
        "type": "boolean",
        "description": "Makes no backups of this schedule while true. Absent: false."
      }
    }
  },
  "BackupPolicyStatus": {
    "type": "object",
    "description": "How the schedules stand.",
    "additionalProperties": false,
    "properties": {
      "observedGeneration": {
        "type": "integer",
        "description": "The `metadata.generation` this status speaks of; -1 before the first look."
      },
      "conditions": {
        "type": "array",
        "description": "kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "type"
        ],
        "items": {
          "$ref": "#/definitions/Condition"
        }
      },
      "phase": {
        "type": "string",
        "description": "Velero's word for it.",
        "enum": [
          "New",
          "Enabled",
          "FailedValidation"
        ]
      },
      "schedules": {
        "type": "array",
        "description": "One entry per schedule.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "name"
        ],
        "items": {
          "$ref": "#/definitions/ScheduleStatus"
        }
      },
      "lastBackup": {
        "type": "string",
        "description": "The newest backup of any schedule.",
        "maxLength": 253
      },
      "lastPhase": {
        "type": "string",
        "description": "How it ended, or that it runs.",
        "maxLength": 64
      },
      "nextRun": {
        "type": "string",
        "description": "The earliest next slot.",
        "format": "date-time"
      }
    }
  },
  "ScheduleStatus": {
    "type": "object",
    "description": "How one schedule stands.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "The schedule.",
        "maxLength": 20
      },
      "lastSlot": {
        "type": "string",
        "description": "The newest slot that was run or given up.",
        "format": "date-time"
      },
      "lastBackup": {
        "type": "string",
        "description": "The backup of that slot.",
        "maxLength": 253
      },
      "lastPhase": {
        "type": "string",
        "description": "How it ended, or that it runs.",
        "maxLength": 64
      },
      "lastSuccessfulBackup": {
        "type": "string",
        "description": "The newest backup that completed.",
        "maxLength": 253
      },
      "lastSuccessfulTime": {
        "type": "string",
        "description": "When that one completed.",
        "format": "date-time"
      },
      "nextSlot": {
        "type": "string",
        "description": "The next slot; absent while suspended.",
        "format": "date-time"
      },
      "suspended": {
        "type": "boolean",
        "description": "Whether it was suspended when last seen."
      },
      "resumedAt": {
        "type": "string",
        "description": "When it was last taken up again: slots before it are not made up.",
        "format": "date-time"
      }
    }
  },
  "BackupStorageLocationSpec": {
    "type": "object",
    "description": "Where backups are kept and how they are reached.",
    "additionalProperties": false,
    "required": [
      "provider"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "self.provider == 's3' ? has(self.s3) && !has(self.filesystem) : true",
        "message": "provider s3 needs s3 and takes no filesystem"
      },
      {
        "rule": "self.provider == 'filesystem' ? has(self.filesystem) && !has(self.s3) : true",
        "message": "provider filesystem needs filesystem and takes no s3"
      }
    ],
    "properties": {
      "provider": {
        "type": "string",
        "description": "What kind of store it is.",
        "enum": [
          "s3",
          "filesystem"
        ]
      },
      "s3": {
        "$ref": "#/definitions/S3Location"
      },
      "filesystem": {
        "$ref": "#/definitions/FilesystemLocation"
      },
      "accessMode": {
        "type": "string",
        "description": "`ReadOnly`: nothing under `backups/` changes. Absent: ReadWrite.",
        "enum": [
          "ReadWrite",
          "ReadOnly"
        ]
      },
      "default": {
        "type": "boolean",
        "description": "Whether backups that name no location go here. Absent: false."
      },
      "validationFrequency": {
        "type": "string",
        "description": "How often the location is tried; `0s` only once. Absent: 1m.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "syncPeriod": {
        "type": "string",
        "description": "How often backups found there appear in the cluster; `0s` never. Absent: 1m.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      }
    }
  },
  "S3Location": {
    "type": "object",
    "description": "A bucket that speaks S3.",
    "additionalProperties": false,
    "required": [
      "bucket"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "!has(self.kmsKeyId) || (has(self.serverSideEncryption) && self.serverSideEncryption == 'aws:kms')",
        "message": "kmsKeyId needs serverSideEncryption aws:kms"
      }
    ],
    "properties": {
      "bucket": {
        "type": "string",
        "description": "The bucket's name, or the ARN of a multi-region access point.",
        "minLength": 3,
        "maxLength": 2048
      },
      "prefix": {
        "type": "string",
        "description": "Folder in the bucket. Give each cluster its own.",
        "maxLength": 512
      },
      "region": {
        "type": "string",
        "description": "The bucket's region. Absent: us-east-1, or what the environment says.",
        "minLength": 1,
        "maxLength": 64
      },
      "endpoint": {
        "type": "string",
        "description": "Address of a store that is not AWS.",
        "x-holdfast-expects": "an http:// or https:// address without credentials (they go into credentialsSecretRef)",
        "pattern": "^https?://[^@\\s?#]+$",
        "maxLength": 2048
      },
      "forcePathStyle": {
        "type": "boolean",
        "description": "Whether the bucket stands in the path and not in the host name. Absent: true with an endpoint, else false."
      },
      "credentialsSecretRef": {
        "$ref": "#/definitions/CredentialsReference"
      },
      "caBundle": {
        "type": "string",
        "description": "PEM certificates that the endpoint's certificate is checked against.",
        "maxLength": 1000000
      },
      "serverSideEncryption": {
        "type": "string",
        "description": "Encryption asked for on every upload.",
        "enum": [
          "AES256",
          "aws:kms"
        ]
      },
      "kmsKeyId": {
        "type": "string",
        "description": "The key for `aws:kms`.",
        "minLength": 1,
        "maxLength": 2048
      }
    }
  },
  "CredentialsReference": {
    "type": "object",
    "description": "A Secret with S3 credentials: `accessKeyId` and `secretAccessKey` (and `sessionToken`), or an AWS credentials file under `key`.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "The Secret's name.",
        "minLength": 1,
        "maxLength": 253
      },
      "key": {
        "type": "string",
        "description": "The key that holds an AWS credentials file, as in Velero.",
        "minLength": 1,
        "maxLength": 253
      }
    }
  },
  "FilesystemLocation": {
    "type": "object",
    "description": "A folder that every replica of Holdfast sees.",
    "additionalProperties": false,
    "required": [
      "path"
    ],
    "properties": {
      "path": {
        "type": "string",
        "description": "Absolute path.",
        "x-holdfast-expects": "an absolute path",
        "pattern": "^/",
        "maxLength": 4096
      }
    }
  },
  "BackupStorageLocationStatus": {
    "type": "object",
    "description": "Whether the location works.",
    "additionalProperties": false,
    "properties": {
      "observedGeneration": {
        "type": "integer",
        "description": "The `metadata.generation` this status speaks of; -1 before the first look."
      },
      "conditions": {
        "type": "array",
        "description": "kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "type"
        ],
        "items": {
          "$ref": "#/definitions/Condition"
        }
      },
      "phase": {
        "type": "string",
        "description": "Velero's word for it.",
        "enum": [
          "Available",
          "Unavailable"
        ]
      },
      "message": {
        "type": "string",
        "description": "Why it is unavailable.",
        "maxLength": 4096
      },
      "lastValidationTime": {
        "type": "string",
        "description": "When it was last tried with a new outcome.",
        "format": "date-time"
      },
      "conditionalWrites": {
        "type": "boolean",
        "description": "Whether the store honours `If-None-Match`; where it doesn't, no two clusters may share the prefix."
      },
      "backups": {
        "type": "integer",
        "description": "Backups seen there.",
        "minimum": 0
      }
    }
  },
  "GitSourceSpec": {
    "type": "object",
    "description": "Where the repository is, what to read and where to write.",
    "additionalProperties": false,
    "required": [
      "url"
    ],
    "properties": {
      "url": {
        "type": "string",
        "description": "Address of the repository over HTTPS or HTTP, without credentials.",
        "x-holdfast-expects": "an http:// or https:// address without credentials (they go into secretRef)",
        "pattern": "^https?://[^@\\s?#]+$",
        "maxLength": 2048
      },
      "ref": {
        "$ref": "#/definitions/GitRef"
      },
      "path": {
        "type": "string",
        "description": "Folder in the repository that holds Holdfast's YAML; the root when absent.",
        "x-holdfast-expects": "a path inside the repository, without . or .. in it",
        "maxLength": 1024,
        "pattern": "^(\\.|(\\./)?[^/.][^/]*(/[^/.][^/]*)*/?|\\./)$"
      },
      "interval": {
        "type": "string",
        "description": "How often the branch is fetched. Absent: 1m.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "secretRef": {
        "$ref": "#/definitions/SecretReference"
      },
      "mode": {
        "type": "string",
        "description": "`Apply`: Holdfast applies the YAML. `Observe`: Argo CD or Flux applies it; Holdfast validates, runs and reports. Absent: Apply.",
        "enum": [
          "Apply",
          "Observe"
        ]
      },
      "prune": {
        "type": "boolean",
        "description": "Whether an object whose YAML is gone is deleted from the cluster. Never deletes backup data. Absent: false."
      },
      "suspend": {
        "type": "boolean",
        "description": "Stops fetching and applying. Absent: false."
      },
      "verify": {
        "$ref": "#/definitions/GitVerification"
      },
      "signingKey": {
        "$ref": "#/definitions/GitSigningKey"
      },
      "statusBranch": {
        "type": "string",
        "description": "Branch the record is written to. Absent: `holdfast/<cluster>`.",
        "minLength": 1,
        "maxLength": 244
      },
      "forge": {
        "$ref": "#/definitions/ForgeSpec"
      },
      "webhook": {
        "$ref": "#/definitions/WebhookSpec"
      }
    }
  },
  "GitRef": {
    "type": "object",
    "description": "What to read of the repository.",
    "additionalProperties": false,
    "properties": {
      "branch": {
        "type": "string",
        "description": "The branch to follow. Absent: main.",
        "minLength": 1,
        "maxLength": 244
      }
    }
  },
  "GitVerification": {
    "type": "object",
    "description": "Who must have signed the head of the branch. Absent: nobody; whoever may push is believed.",
    "additionalProperties": false,
    "required": [
      "secretRef"
    ],
    "properties": {
      "secretRef": {
        "$ref": "#/definitions/SecretReference"
      }
    }
  },
  "GitSigningKey": {
    "type": "object",
    "description": "The key that signs the commits of the record. Absent: they are not signed.",
    "additionalProperties": false,
    "required": [
      "secretRef"
    ],
    "properties": {
      "secretRef": {
        "$ref": "#/definitions/SecretReference"
      }
    }
  },
  "ForgeSpec": {
    "type": "object",
    "description": "Answers pull requests into the branch with validation and plan. Absent: none is answered.",
    "additionalProperties": false,
    "required": [
      "type"
    ],
    "properties": {
      "type": {
        "type": "string",
        "description": "What serves the repository: `github`, `gitlab`, or `gitea` (Forgejo too).",
        "enum": [
          "github",
          "gitlab",
          "gitea"
        ]
      },
      "apiUrl": {
        "type": "string",
        "description": "Root of the forge, or of its API on GitHub. Absent: told from `url`.",
        "x-holdfast-expects": "an http:// or https:// address without credentials",
        "pattern": "^https?://[^@\\s?#]+$",
        "maxLength": 2048
      },
      "tokenSecretRef": {
        "$ref": "#/definitions/SecretReference"
      },
      "interval": {
        "type": "string",
        "description": "How often pull requests are looked at. Absent: the source's interval.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "answerForks": {
        "type": "boolean",
        "description": "Whether pull requests from forks are answered. Absent: false."
      },
      "answerDrafts": {
        "type": "boolean",
        "description": "Whether drafts are answered. Absent: false."
      },
      "hideValues": {
        "type": "boolean",
        "description": "Whether the comment has digests in place of all values. Those of Secrets never show. Absent: false."
      },
      "statusPrefix": {
        "type": "string",
        "description": "First part of the names of the commit statuses: tells two clusters on one repository apart. Absent: holdfast.",
        "x-holdfast-expects": "letters, digits, dots and dashes",
        "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
        "maxLength": 63
      }
    }
  },
  "WebhookSpec": {
    "type": "object",
    "description": "Lets the forge hasten the next look; what it sends is not believed otherwise. Absent: none is taken.",
    "additionalProperties": false,
    "required": [
      "secretRef"
    ],
    "properties": {
      "type": {
        "type": "string",
        "description": "Who sends it; `generic` signs the body with HMAC in X-Signature. Absent: the forge's type, else generic.",
        "enum": [
          "github",
          "gitlab",
          "gitea",
          "generic"
        ]
      },
      "secretRef": {
        "$ref": "#/definitions/SecretReference"
      }
    }
  },
  "GitSourceStatus": {
    "type": "object",
    "description": "What was last seen and applied.",
    "additionalProperties": false,
    "properties": {
      "observedGeneration": {
        "type": "integer",
        "description": "The `metadata.generation` this status speaks of; -1 before the first look."
      },
      "conditions": {
        "type": "array",
        "description": "kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "type"
        ],
        "items": {
          "$ref": "#/definitions/Condition"
        }
      },
      "lastAttemptedRevision": {
        "type": "string",
        "description": "The commit that was last read, good or bad.",
        "maxLength": 64
      },
      "lastAppliedRevision": {
        "type": "string",
        "description": "The commit whose documents are in the cluster.",
        "maxLength": 64
      },
      "applied": {
        "$ref": "#/definitions/AppliedSource"
      },
      "documents": {
        "type": "integer",
        "description": "Documents of ours at that commit.",
        "minimum": 0
      },
      "ignored": {
        "type": "integer",
        "description": "Documents of other API groups at that commit.",
        "minimum": 0
      },
      "problems": {
        "type": "array",
        "description": "The first problems of the commit that was last read.",
        "maxItems": 50,
        "items": {
          "$ref": "#/definitions/SourceProblem"
        }
      },
      "problemCount": {
        "type": "integer",
        "description": "All problems of that commit.",
        "minimum": 0
      }
    }
  },
  "AppliedSource": {
    "type": "object",
    "description": "Where the applied commit came from: after a change nothing is pruned once.",
    "additionalProperties": false,
    "properties": {
      "url": {
        "type": "string",
        "description": "The address.",
        "maxLength": 2048
      },
      "branch": {
        "type": "string",
        "description": "The branch.",
        "maxLength": 244
      },
      "path": {
        "type": "string",
        "description": "The folder.",
        "maxLength": 1024
      }
    }
  },
  "SourceProblem": {
    "type": "object",
    "description": "One problem in one file.",
    "additionalProperties": false,
    "required": [
      "file",
      "code",
      "message"
    ],
    "properties": {
      "file": {
        "type": "string",
        "description": "Path in the repository.",
        "maxLength": 4096
      },
      "line": {
        "type": "integer",
        "description": "From 1.",
        "minimum": 0
      },
      "column": {
        "type": "integer",
        "description": "From 1.",
        "minimum": 0
      },
      "code": {
        "type": "string",
        "description": "The problem's code.",
        "maxLength": 128
      },
      "message": {
        "type": "string",
        "description": "For people.",
        "maxLength": 4096
      }
    }
  },
  "Condition": {
    "type": "object",
    "description": "One aspect of an object's state, as kstatus and kubectl read it.",
    "additionalProperties": false,
    "required": [
      "type",
      "status",
      "reason",
      "message",
      "lastTransitionTime"
    ],
    "properties": {
      "type": {
        "type": "string",
        "description": "Name of the condition, CamelCase.",
        "minLength": 1,
        "maxLength": 316
      },
      "status": {
        "type": "string",
        "description": "Whether the condition holds.",
        "enum": [
          "True",
          "False",
          "Unknown"
        ]
      },
      "reason": {
        "type": "string",
        "description": "Why, as one CamelCase word that programs may match.",
        "minLength": 1,
        "maxLength": 1024
      },
      "message": {
        "type": "string",
        "description": "Why, for people.",
        "maxLength": 32768
      },
      "lastTransitionTime": {
        "type": "string",
        "description": "When `status` last changed.",
        "format": "date-time"
      },
      "observedGeneration": {
        "type": "integer",
        "description": "The `metadata.generation` the condition was made for.",
        "minimum": 0
      }
    }
  },
  "LabelSelector": {
    "type": "object",
    "description": "Selects objects by labels; all parts must hold. Empty selects everything.",
    "additionalProperties": false,
    "properties": {
      "matchLabels": {
        "type": "object",
        "description": "Labels an object must carry with exactly these values.",
        "maxProperties": 100,
        "additionalProperties": {
          "type": "string",
          "maxLength": 63
        }
      },
      "matchExpressions": {
        "type": "array",
        "description": "Requirements on label keys.",
        "maxItems": 100,
        "items": {
          "$ref": "#/definitions/LabelSelectorRequirement"
        }
      }
    }
  },
  "LabelSelectorRequirement": {
    "type": "object",
    "description": "One requirement on a label key.",
    "additionalProperties": false,
    "required": [
      "key",
      "operator"
    ],
    "properties": {
      "key": {
        "type": "string",
        "description": "The label's key.",
        "minLength": 1,
        "maxLength": 317
      },
      "operator": {
        "type": "string",
        "description": "How the key's value relates to `values`.",
        "enum": [
          "In",
          "NotIn",
          "Exists",
          "DoesNotExist"
        ]
      },
      "values": {
        "type": "array",
        "description": "Values for In and NotIn; empty for Exists and DoesNotExist.",
        "maxItems": 100,
        "items": {
          "type": "string",
          "maxLength": 63
        }
      }
    }
  },
  "ConfigMapReference": {
    "type": "object",
    "description": "Names a ConfigMap in the object's own namespace, as Velero does.",
    "additionalProperties": false,
    "required": [
      "kind",
      "name"
    ],
    "properties": {
      "apiGroup": {
        "type": "string",
        "description": "Empty: the core group.",
        "maxLength": 0
      },
      "kind": {
        "type": "string",
        "description": "`ConfigMap`, in any case.",
        "x-holdfast-expects": "ConfigMap",
        "pattern": "^[cC][oO][nN][fF][iI][gG][mM][aA][pP]$"
      },
      "name": {
        "type": "string",
        "description": "The ConfigMap's name.",
        "minLength": 1,
        "maxLength": 253
      }
    }
  },
  "SecretReference": {
    "type": "object",
    "description": "Names a Secret in the object's own namespace.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "The Secret's name.",
        "minLength": 1,
        "maxLength": 253
      }
    }
  },
  "RunClaim": {
    "type": "object",
    "description": "Who runs this object, so that no two do.",
    "additionalProperties": false,
    "required": [
      "id",
      "token",
      "term"
    ],
    "properties": {
      "id": {
        "type": "string",
        "description": "Name of the run.",
        "minLength": 1,
        "maxLength": 253
      },
      "token": {
        "type": "string",
        "description": "Random, written here before it is written to the bucket.",
        "minLength": 1,
        "maxLength": 128
      },
      "term": {
        "type": "integer",
        "description": "`leaseTransitions` of the leader that claimed the run.",
        "minimum": 0
      },
      "clusterUid": {
        "type": "string",
        "description": "UID of the namespace `kube-system` of the cluster the run belongs to.",
        "maxLength": 64
      },
      "key": {
        "type": "string",
        "description": "SHA-256 of (cluster, namespace, spec digest, runId) of a restore.",
        "pattern": "^[0-9a-f]{64}$"
      },
      "claimedAt": {
        "type": "string",
        "description": "When the run was claimed.",
        "format": "date-time"
      }
    }
  },
  "HookStatus": {
    "type": "object",
    "description": "How many hooks were tried and how many failed.",
    "additionalProperties": false,
    "properties": {
      "hooksAttempted": {
        "type": "integer",
        "description": "Hooks that were tried.",
        "minimum": 0
      },
      "hooksFailed": {
        "type": "integer",
        "description": "Hooks that failed.",
        "minimum": 0
      }
    }
  },
  "RestorePlanSpec": {
    "type": "object",
    "description": "What to restore and how. Filters mean what they mean in Velero.",
    "additionalProperties": false,
    "required": [
      "source"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "!(has(self.labelSelector) && has(self.orLabelSelectors) && self.orLabelSelectors.size() > 0)",
        "message": "encountered labelSelector as well as orLabelSelectors in restore spec, only one can be specified"
      }
    ],
    "properties": {
      "source": {
        "$ref": "#/definitions/RestoreSource"
      },
      "includedNamespaces": {
        "type": "array",
        "description": "Namespaces (as archived) to restore, by name or pattern. Absent or `*`: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedNamespaces": {
        "type": "array",
        "description": "Namespaces to leave out, by name or pattern.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedResources": {
        "type": "array",
        "description": "Resources to restore. Absent or `*`: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedResources": {
        "type": "array",
        "description": "Resources to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedNames": {
        "type": "array",
        "description": "Objects to restore, by name or pattern. Absent or `*`: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedNames": {
        "type": "array",
        "description": "Objects to leave out, by name or pattern.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "resourcePolicy": {
        "$ref": "#/definitions/ConfigMapReference"
      },
      "includeClusterResources": {
        "type": "boolean",
        "description": "true: cluster-scoped objects too; false: none; absent: those that the selected objects need, or all where no namespace is selected."
      },
      "labelSelector": {
        "$ref": "#/definitions/LabelSelector"
      },
      "orLabelSelectors": {
        "type": "array",
        "description": "Objects that any of these select.",
        "maxItems": 64,
        "items": {
          "$ref": "#/definitions/LabelSelector"
        }
      },
      "namespaceMapping": {
        "type": "object",
        "description": "Archived namespace → namespace to restore into. No patterns.",
        "maxProperties": 500,
        "x-kubernetes-validations": [
          {
            "rule": "self.all(name, !name.contains('*') && !name.contains('?') && !name.contains('['))",
            "message": "namespaceMapping takes names, not patterns"
          }
        ],
        "additionalProperties": {
          "type": "string",
          "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
          "maxLength": 63,
          "x-holdfast-expects": "the name of a namespace, and no pattern"
        }
      },
      "storageClassMapping": {
        "type": "object",
        "description": "Archived storage class → storage class to restore with.",
        "maxProperties": 500,
        "additionalProperties": {
          "type": "string",
          "minLength": 1,
          "maxLength": 253
        }
      },
      "existingResourcePolicy": {
        "type": "string",
        "description": "What becomes of objects that exist: `none` leaves them, `update` patches what differs, `recreate` deletes and creates, `fail` refuses. Absent: none.",
        "enum": [
          "none",
          "update",
          "recreate",
          "fail"
        ]
      },
      "existingResourceOverrides": {
        "type": "object",
        "description": "Resource → the policy for its objects.",
        "maxProperties": 200,
        "additionalProperties": {
          "type": "string",
          "description": "The policy.",
          "enum": [
            "none",
            "update",
            "recreate",
            "fail"
          ]
        }
      },
      "modifiers": {
        "type": "array",
        "description": "Changes to objects before they are written, in order; as in Velero's resource modifiers.",
        "maxItems": 200,
        "items": {
          "$ref": "#/definitions/ResourceModifierRule"
        }
      },
      "resourceModifier": {
        "$ref": "#/definitions/ConfigMapReference"
      },
      "hooks": {
        "$ref": "#/definitions/RestoreHooks"
      },
      "preserveNodePorts": {
        "type": "boolean",
        "description": "Whether Services keep their node ports. Absent: only those that were asked for."
      },
      "restoreStatus": {
        "$ref": "#/definitions/RestoreStatusSpec"
      },
      "approval": {
        "$ref": "#/definitions/Approval"
      },
      "safetyBackup": {
        "$ref": "#/definitions/SafetyBackup"
      },
      "gitOpsOwners": {
        "type": "string",
        "description": "What becomes of the Argo CD Applications and Flux Kustomizations and HelmReleases that own what the restore writes: `Pause` holds them still until it has ended, `Refuse` restores nothing, `Ignore` lets them undo it. Absent: Pause.",
        "enum": [
          "Pause",
          "Refuse",
          "Ignore"
        ]
      },
      "runId": {
        "type": "string",
        "description": "Change it to run the same plan again.",
        "x-holdfast-expects": "up to 63 letters, digits, - _ and .",
        "minLength": 1,
        "maxLength": 63,
        "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
      }
    }
  },
  "RestoreSource": {
    "type": "object",
    "description": "Exactly one of a backup, a policy, or a restore to undo.",
    "additionalProperties": false,
    "x-kubernetes-validations": [
      {
        "rule": "[has(self.backupName), has(self.policy), has(self.undoOf)].filter(given, given).size() == 1",
        "message": "exactly one of backupName, policy and undoOf must be given"
      },
      {
        "rule": "!has(self.force) || has(self.undoOf)",
        "message": "force is for an undo: give undoOf"
      },
      {
        "rule": "!has(self.createdOnly) || has(self.undoOf)",
        "message": "createdOnly is for an undo: give undoOf"
      }
    ],
    "properties": {
      "backupName": {
        "type": "string",
        "description": "The Backup.",
        "minLength": 1,
        "maxLength": 253
      },
      "policy": {
        "$ref": "#/definitions/PolicySource"
      },
      "undoOf": {
        "type": "string",
        "description": "The run to undo.",
        "minLength": 1,
        "maxLength": 253
      },
      "force": {
        "type": "boolean",
        "description": "Undo objects too that were changed since the restore; by default they are left as they are and reported. Only with undoOf."
      },
      "createdOnly": {
        "type": "boolean",
        "description": "Only delete what the restore created, and leave all else as it is: no safety backup is needed for that. Only with undoOf."
      }
    }
  },
  "PolicySource": {
    "type": "object",
    "description": "The newest completed backup of a policy.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "The BackupPolicy.",
        "minLength": 1,
        "maxLength": 253
      },
      "schedule": {
        "type": "string",
        "description": "One of its schedules, or `manual`. Absent: any.",
        "x-holdfast-expects": "the name of a schedule: 1 to 20 lower-case letters and digits",
        "pattern": "^[a-z0-9]{1,20}$",
        "maxLength": 20
      },
      "asOf": {
        "type": "string",
        "description": "The newest one that began at or before this time; `AtMerge`: when the plan was merged.",
        "x-holdfast-expects": "a time such as 2026-01-31T03:00:00Z, or AtMerge",
        "maxLength": 64,
        "pattern": "^(AtMerge|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))$"
      },
      "allowPartiallyFailed": {
        "type": "boolean",
        "description": "Whether a PartiallyFailed backup will do. Absent: false."
      }
    }
  },
  "ResourceModifierRule": {
    "type": "object",
    "description": "Which objects to change, and one kind of change.",
    "additionalProperties": false,
    "required": [
      "conditions"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "[has(self.patches), has(self.mergePatches), has(self.strategicPatches)].filter(given, given).size() == 1",
        "message": "exactly one of patches, mergePatches and strategicPatches must be given"
      }
    ],
    "properties": {
      "conditions": {
        "$ref": "#/definitions/ModifierConditions"
      },
      "patches": {
        "type": "array",
        "description": "JSON Patch (RFC 6902).",
        "maxItems": 200,
        "items": {
          "$ref": "#/definitions/ModifierPatch"
        }
      },
      "mergePatches": {
        "type": "array",
        "description": "JSON Merge Patches (RFC 7386).",
        "maxItems": 200,
        "items": {
          "$ref": "#/definitions/ModifierPatchText"
        }
      },
      "strategicPatches": {
        "type": "array",
        "description": "Strategic merge patches, for built-in kinds.",
        "maxItems": 200,
        "items": {
          "$ref": "#/definitions/ModifierPatchText"
        }
      }
    }
  },
  "ModifierConditions": {
    "type": "object",
    "description": "Conditions that must all hold, on the object as archived.",
    "additionalProperties": false,
    "required": [
      "groupResource"
    ],
    "properties": {
      "groupResource": {
        "type": "string",
        "description": "`deployments.apps`, or a pattern with `.` as separator.",
        "minLength": 1,
        "maxLength": 317
      },
      "namespaces": {
        "type": "array",
        "description": "Archived namespaces. Absent: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "resourceNameRegex": {
        "type": "string",
        "description": "RE2 expression searched for in the name.",
        "maxLength": 1024
      },
      "labelSelector": {
        "$ref": "#/definitions/LabelSelector"
      },
      "matches": {
        "type": "array",
        "description": "Values that must stand at these paths.",
        "maxItems": 64,
        "items": {
          "$ref": "#/definitions/ModifierMatch"
        }
      }
    }
  },
  "ModifierMatch": {
    "type": "object",
    "description": "A value at a path.",
    "additionalProperties": false,
    "required": [
      "path"
    ],
    "properties": {
      "path": {
        "type": "string",
        "description": "JSON pointer.",
        "minLength": 1,
        "maxLength": 4096
      },
      "value": {
        "type": "string",
        "description": "The value, as Velero's patch values are written.",
        "maxLength": 65536
      }
    }
  },
  "ModifierPatch": {
    "type": "object",
    "description": "One operation.",
    "additionalProperties": false,
    "required": [
      "operation",
      "path"
    ],
    "properties": {
      "operation": {
        "type": "string",
        "description": "What to do.",
        "enum": [
          "add",
          "remove",
          "replace",
          "move",
          "copy",
          "test"
        ]
      },
      "path": {
        "type": "string",
        "description": "JSON pointer.",
        "minLength": 1,
        "maxLength": 4096
      },
      "from": {
        "type": "string",
        "description": "JSON pointer, for move and copy.",
        "maxLength": 4096
      },
      "value": {
        "type": "string",
        "description": "Numbers, booleans, null, objects and arrays as JSON text; everything else is a string.",
        "maxLength": 262144
      }
    }
  },
  "ModifierPatchText": {
    "type": "object",
    "description": "A patch as YAML or JSON text.",
    "additionalProperties": false,
    "required": [
      "patchData"
    ],
    "properties": {
      "patchData": {
        "type": "string",
        "description": "The patch.",
        "minLength": 1,
        "maxLength": 262144
      }
    }
  },
  "RestoreHooks": {
    "type": "object",
    "description": "Commands and init containers for restored pods.",
    "additionalProperties": false,
    "properties": {
      "resources": {
        "type": "array",
        "description": "Hooks with the pods they are for.",
        "maxItems": 100,
        "items": {
          "$ref": "#/definitions/RestoreResourceHookSpec"
        }
      }
    }
  },
  "RestoreResourceHookSpec": {
    "type": "object",
    "description": "Hooks for the pods that the filters select.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "What logs and results call the hook.",
        "minLength": 1,
        "maxLength": 253
      },
      "includedNamespaces": {
        "type": "array",
        "description": "Namespaces of the pods. Absent: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedNamespaces": {
        "type": "array",
        "description": "Namespaces to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "includedResources": {
        "type": "array",
        "description": "Only `pods` is supported.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedResources": {
        "type": "array",
        "description": "Resources to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "labelSelector": {
        "$ref": "#/definitions/LabelSelector"
      },
      "postHooks": {
        "type": "array",
        "description": "In order.",
        "maxItems": 32,
        "items": {
          "$ref": "#/definitions/RestoreResourceHook"
        }
      }
    }
  },
  "RestoreResourceHook": {
    "type": "object",
    "description": "Either an init container or a command.",
    "additionalProperties": false,
    "x-kubernetes-validations": [
      {
        "rule": "has(self.init) != has(self.exec)",
        "message": "exactly one of init and exec must be given"
      }
    ],
    "properties": {
      "init": {
        "$ref": "#/definitions/InitRestoreHook"
      },
      "exec": {
        "$ref": "#/definitions/ExecRestoreHook"
      }
    }
  },
  "InitRestoreHook": {
    "type": "object",
    "description": "Init containers put in front of the pod's own.",
    "additionalProperties": false,
    "required": [
      "initContainers"
    ],
    "properties": {
      "initContainers": {
        "type": "array",
        "description": "Containers, as in a pod's spec.",
        "minItems": 1,
        "maxItems": 16,
        "items": {
          "$ref": "#/definitions/InitContainer"
        }
      },
      "timeout": {
        "type": "string",
        "description": "Accepted for Velero's sake; it has no effect there either.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      }
    }
  },
  "InitContainer": {
    "type": "object",
    "description": "A container, as in a pod's spec.",
    "required": [
      "name",
      "image",
      "command"
    ],
    "x-kubernetes-preserve-unknown-fields": true,
    "properties": {
      "name": {
        "type": "string",
        "description": "The container's name.",
        "minLength": 1,
        "maxLength": 63
      },
      "image": {
        "type": "string",
        "description": "The image.",
        "minLength": 1,
        "maxLength": 4096
      },
      "command": {
        "type": "array",
        "description": "The command.",
        "minItems": 1,
        "maxItems": 256,
        "items": {
          "type": "string",
          "maxLength": 65536
        }
      }
    }
  },
  "ExecRestoreHook": {
    "type": "object",
    "description": "A command in a container, once it runs.",
    "additionalProperties": false,
    "required": [
      "command"
    ],
    "properties": {
      "container": {
        "type": "string",
        "description": "The container. Absent: the pod's first.",
        "minLength": 1,
        "maxLength": 63
      },
      "command": {
        "type": "array",
        "description": "The command and its arguments; no shell.",
        "minItems": 1,
        "maxItems": 256,
        "items": {
          "type": "string",
          "maxLength": 65536
        }
      },
      "onError": {
        "type": "string",
        "description": "`Fail`: the pod's other hooks are dropped. Absent: Continue.",
        "enum": [
          "Fail",
          "Continue"
        ]
      },
      "execTimeout": {
        "type": "string",
        "description": "How long the command may take. Absent: 30s.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "waitTimeout": {
        "type": "string",
        "description": "How long to wait for the container. Absent: no limit of its own.",
        "pattern": "^(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|ms|s|m|h))+)$",
        "maxLength": 64,
        "x-holdfast-expects": "a duration such as 720h or 1h30m0s"
      },
      "waitForReady": {
        "type": "boolean",
        "description": "Whether the container must be ready and not just running. Absent: false."
      }
    }
  },
  "RestoreStatusSpec": {
    "type": "object",
    "description": "Resources whose archived status is written too.",
    "additionalProperties": false,
    "properties": {
      "includedResources": {
        "type": "array",
        "description": "Resources. Absent or `*`: all.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      },
      "excludedResources": {
        "type": "array",
        "description": "Resources to leave out.",
        "maxItems": 1000,
        "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 317
        }
      }
    }
  },
  "Approval": {
    "type": "object",
    "description": "What must be so before the plan runs.",
    "additionalProperties": false,
    "properties": {
      "mode": {
        "type": "string",
        "description": "`Merge`: being on the branch. `PlanDigest`: the digest of the plan that was looked at. Absent: Merge.",
        "enum": [
          "Merge",
          "PlanDigest"
        ]
      },
      "planDigest": {
        "type": "string",
        "description": "The approved plan's digest.",
        "x-holdfast-expects": "64 hex digits, as `holdfast plan` prints them",
        "pattern": "^[0-9a-f]{64}$"
      },
      "acceptUnreadable": {
        "type": "array",
        "description": "Ledgers that may be unreadable when the run is claimed.",
        "maxItems": 2,
        "x-kubernetes-list-type": "set",
        "items": {
          "type": "string",
          "description": "A ledger.",
          "enum": [
            "Bucket",
            "Git"
          ]
        }
      }
    }
  },
  "SafetyBackup": {
    "type": "object",
    "description": "The backup of what will be touched, made first.",
    "additionalProperties": false,
    "properties": {
      "mode": {
        "type": "string",
        "description": "Absent: On.",
        "enum": [
          "On",
          "Off"
        ]
      },
      "storageLocation": {
        "type": "string",
        "description": "Where it goes. Absent: the default location.",
        "minLength": 1,
        "maxLength": 253
      }
    }
  },
  "RestorePlanStatus": {
    "type": "object",
    "description": "What became of the restore. Fields mean what they mean in Velero.",
    "additionalProperties": false,
    "properties": {
      "observedGeneration": {
        "type": "integer",
        "description": "The `metadata.generation` this status speaks of; -1 before the first look."
      },
      "conditions": {
        "type": "array",
        "description": "kstatus conditions: Ready, Reconciling, Stalled, and what the kind adds.",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
          "type"
        ],
        "items": {
          "$ref": "#/definitions/Condition"
        }
      },
      "phase": {
        "type": "string",
        "description": "Velero's word for where the restore is.",
        "enum": [
          "New",
          "FailedValidation",
          "InProgress",
          "WaitingForPluginOperations",
          "WaitingForPluginOperationsPartiallyFailed",
          "Finalizing",
          "FinalizingPartiallyFailed",
          "Completed",
          "PartiallyFailed",
          "Failed"
        ]
      },
      "run": {
        "$ref": "#/definitions/RunClaim"
      },
      "backup": {
        "$ref": "#/definitions/ResolvedBackup"
      },
      "planDigest": {
        "type": "string",
        "description": "Digest of the plan that was last made.",
        "pattern": "^[0-9a-f]{64}$"
      },
      "planTotals": {
        "$ref": "#/definitions/ActionTotals"
      },
      "outcome": {
        "$ref": "#/definitions/OutcomeTotals"
      },
      "progress": {
        "$ref": "#/definitions/RestoreProgress"
      },
      "warnings": {
        "type": "integer",
        "description": "Warnings in the results.",
        "minimum": 0
      },
      "errors": {
        "type": "integer",
        "description": "Errors in the results.",
        "minimum": 0
      },
      "failureReason": {
        "type": "string",
        "description": "Why the restore as a whole failed.",
        "maxLength": 32768
      },
      "validationErrors": {
        "type": "array",
        "description": "Why the spec was refused.",
        "maxItems": 100,
        "items": {
          "type": "string",
          "maxLength": 4096
        }
      },
      "startTimestamp": {
        "type": "string",
        "description": "When it began.",
        "format": "date-time"
      },
      "completionTimestamp": {
        "type": "string",
        "description": "When it ended.",
        "format": "date-time"
      },
      "hookStatus": {
        "$ref": "#/definitions/HookStatus"
      },
      "safetyBackup": {
        "type": "string",
        "description": "The backup of what was touched.",
        "maxLength": 253
      },
      "pausedOwners": {
        "type": "array",
        "description": "GitOps owners that the run paused, and resumed when it ended; each as `Application argocd/shop`.",
        "maxItems": 1000,
        "x-kubernetes-list-type": "atomic",
        "items": {
          "type": "string",
          "maxLength": 600
        }
      }
    }
  },
  "ResolvedBackup": {
    "type": "object",
    "description": "The backup that was chosen, once.",
    "additionalProperties": false,
    "required": [
      "name"
    ],
    "properties": {
      "name": {
        "type": "string",
        "description": "Its name.",
        "maxLength": 253
      },
      "namespace": {
        "type": "string",
        "description": "Namespace of its location.",
        "maxLength": 63
      },
      "storageLocation": {
        "type": "string",
        "description": "Its location.",
        "maxLength": 253
      },
      "manifestSha256": {
        "type": "string",
        "description": "Digest of its manifest, or of the marker of a Velero backup.",
        "pattern": "^[0-9a-f]{64}$"
      },
      "policy": {
        "type": "string",
        "description": "The BackupPolicy that asked for it.",
        "maxLength": 253
      },
      "schedule": {
        "type": "string",
        "description": "Its schedule; `manual` on demand.",
        "maxLength": 63
      }
    }
  },
  "ActionTotals": {
    "type": "object",
    "description": "Objects per planned action.",
    "additionalProperties": false,
    "properties": {
      "create": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "patch": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "labelsOnly": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "recreate": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "delete": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "unchanged": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "skip": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "fail": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      }
    }
  },
  "OutcomeTotals": {
    "type": "object",
    "description": "Objects per outcome.",
    "additionalProperties": false,
    "properties": {
      "created": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "patched": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "labelled": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "unchanged": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "recreated": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "deleted": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "skipped": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      },
      "failed": {
        "type": "integer",
        "description": "Objects.",
        "minimum": 0
      }
    }
  },
  "RestoreProgress": {
    "type": "object",
    "description": "How far it is.",
    "additionalProperties": false,
    "properties": {
      "totalItems": {
        "type": "integer",
        "description": "Objects to restore, as far as known.",
        "minimum": 0
      },
      "itemsRestored": {
        "type": "integer",
        "description": "Objects done.",
        "minimum": 0
      }
    }
  }
};

/** One schema per kind, without its definitions. */
export const KIND_SCHEMAS: Readonly<Record<string, object>> = {
  "Backup": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Backup",
    "description": "One backup: what to put into it, and what became of it. Deleting a Backup never deletes its data.",
    "type": "object",
    "additionalProperties": false,
    "required": [
      "apiVersion",
      "kind",
      "metadata",
      "spec"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "self.metadata.name.size() <= 200",
        "message": "the name is longer than 200 characters"
      }
    ],
    "properties": {
      "apiVersion": {
        "type": "string",
        "enum": [
          "holdfast.dev/v1alpha1"
        ]
      },
      "kind": {
        "type": "string",
        "enum": [
          "Backup"
        ]
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "$ref": "#/definitions/BackupSpec"
      },
      "status": {
        "$ref": "#/definitions/BackupStatus"
      }
    }
  },
  "BackupPolicy": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "BackupPolicy",
    "description": "What is backed up, when, and for how long it is kept.",
    "type": "object",
    "additionalProperties": false,
    "required": [
      "apiVersion",
      "kind",
      "metadata",
      "spec"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "!self.metadata.name.contains('.')",
        "message": "the name of a policy has no dot"
      },
      {
        "rule": "self.metadata.name.size() <= 163",
        "message": "backup names made of it would be longer than 200 characters"
      }
    ],
    "properties": {
      "apiVersion": {
        "type": "string",
        "enum": [
          "holdfast.dev/v1alpha1"
        ]
      },
      "kind": {
        "type": "string",
        "enum": [
          "BackupPolicy"
        ]
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "$ref": "#/definitions/BackupPolicySpec"
      },
      "status": {
        "$ref": "#/definitions/BackupPolicyStatus"
      }
    }
  },
  "BackupStorageLocation": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "BackupStorageLocation",
    "description": "A place that holds backups: a bucket or a folder.",
    "type": "object",
    "additionalProperties": false,
    "required": [
      "apiVersion",
      "kind",
      "metadata",
      "spec"
    ],
    "properties": {
      "apiVersion": {
        "type": "string",
        "enum": [
          "holdfast.dev/v1alpha1"
        ]
      },
      "kind": {
        "type": "string",
        "enum": [
          "BackupStorageLocation"
        ]
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "$ref": "#/definitions/BackupStorageLocationSpec"
      },
      "status": {
        "$ref": "#/definitions/BackupStorageLocationStatus"
      }
    }
  },
  "GitSource": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "GitSource",
    "description": "A Git repository that declares what Holdfast does, and where the record of it is written.",
    "type": "object",
    "additionalProperties": false,
    "required": [
      "apiVersion",
      "kind",
      "metadata",
      "spec"
    ],
    "properties": {
      "apiVersion": {
        "type": "string",
        "enum": [
          "holdfast.dev/v1alpha1"
        ]
      },
      "kind": {
        "type": "string",
        "enum": [
          "GitSource"
        ]
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "$ref": "#/definitions/GitSourceSpec"
      },
      "status": {
        "$ref": "#/definitions/GitSourceStatus"
      }
    }
  },
  "RestorePlan": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "RestorePlan",
    "description": "A restore: from which backup, what, where to, and what to do with what is there. It runs once per spec and `runId`.",
    "type": "object",
    "additionalProperties": false,
    "required": [
      "apiVersion",
      "kind",
      "metadata",
      "spec"
    ],
    "x-kubernetes-validations": [
      {
        "rule": "self.metadata.name.size() <= 200",
        "message": "the name is longer than 200 characters"
      }
    ],
    "properties": {
      "apiVersion": {
        "type": "string",
        "enum": [
          "holdfast.dev/v1alpha1"
        ]
      },
      "kind": {
        "type": "string",
        "enum": [
          "RestorePlan"
        ]
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "$ref": "#/definitions/RestorePlanSpec"
      },
      "status": {
        "$ref": "#/definitions/RestorePlanStatus"
      }
    }
  }
};
