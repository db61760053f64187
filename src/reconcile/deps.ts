import type { BackupStorageLocation, GitSource } from "../api/kinds.generated.ts";
import type { ObjectKey } from "../api/object.ts";
import type { Clock } from "../clock.ts";
import type { HitFailpoint } from "../failpoints.ts";
import type { Forge } from "../forge/forge.ts";
import type { GitRemote } from "../git/remote.ts";
import type { KubeClient } from "../kube/client.ts";
import type { Logger } from "../log.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { GitRecord } from "./git-record.ts";
import type { LiveObjects } from "./live-objects.ts";
import type { PausedOwners } from "./paused-owners.ts";
import type { Runs } from "./runs.ts";
import type { Sources } from "./sources.ts";

/** Which installation this is. */
export interface Installation {
  /** `--cluster`: survives a rebuild of the cluster. */
  readonly cluster: string;
  /** UID of `kube-system`: does not. */
  readonly clusterUid: string;
  /** Holdfast's own namespace. */
  readonly namespace: string;
  /** The leader's term, in every claim. */
  readonly term: number;
}

/** Opens what the loop talks to. Built by `cli/`; the loop never sees an adapter's options. */
export interface Openers {
  /** The store of a location, with the credentials its Secret holds now. @throws {StoreAuth, InvalidSpec} */
  store(location: BackupStorageLocation): Promise<ObjectStore>;
  /** The remote of a source, with the credentials its Secret holds now; the same remote as long as they don't change. */
  git(source: GitSource): Promise<GitRemote>;
  /** The forge of a source that names one, with the token its Secret holds now. @throws {InvalidSpec} */
  forge(source: GitSource): Promise<Forge>;
}

/** Everything a reconciler works with. */
export interface ReconcileDeps {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly installation: Installation;
  readonly open: Openers;
  readonly live: LiveObjects;
  readonly runs: Runs;
  readonly paused: PausedOwners;
  readonly sources: Sources;
  readonly record: GitRecord;
  readonly hit: HitFailpoint;
  /** A folder of this process's own for spooled files; disposable. */
  readonly spoolDir: string;
  /** Only RestorePlans that a GitSource declares are run. */
  readonly requireGit: boolean;
  /** Velero's `--restore-resource-priorities`; its own order unless told. */
  readonly resourcePriorities?: readonly string[];
  /** Velero's `--global-backup-volume-policies-configmap`. */
  readonly globalVolumePolicies?: ObjectKey;
  /** No backups, schedules, retention or clean-up (`--restore-only`). */
  readonly restoreOnly: boolean;
}
