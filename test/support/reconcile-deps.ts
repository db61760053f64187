import type { Clock } from "../../src/clock.ts";
import { noFailpoints } from "../../src/failpoints.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { silentLogger } from "../../src/log.ts";
import type { ReconcileDeps } from "../../src/reconcile/deps.ts";
import { createGitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects } from "../../src/reconcile/live-objects.ts";
import { createPausedOwners } from "../../src/reconcile/paused-owners.ts";
import { createRuns } from "../../src/reconcile/runs.ts";
import { createSources } from "../../src/reconcile/sources.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";

const unreached = (): Promise<never> => Promise.reject(new Error("nothing of this test is there"));

/** The loop's parts over one store, with no Git behind them: for a test that drives a reconciler itself. */
export function reconcileDeps(
  kube: KubeClient,
  clock: Clock,
  namespace: string,
  openStore: () => ObjectStore,
): ReconcileDeps {
  const installation = { cluster: "testbed", clusterUid: "uid-1", namespace, term: 1 };
  const live = createLiveObjects(namespace);
  const sources = createSources({ flagged: undefined, hasObjects: () => false, onRecord: () => {} });
  const runs = createRuns({ slots: 1, clock, log: silentLogger, onEnd: () => {} });
  return {
    kube,
    paused: createPausedOwners({ kube, clock, log: silentLogger, live, runs, installation }),
    clock,
    log: silentLogger,
    installation,
    live,
    sources,
    record: createGitRecord({ live, sources, clock, installation }),
    runs,
    open: { store: async () => openStore(), git: unreached, forge: unreached },
    hit: noFailpoints,
    spoolDir: "/nowhere",
    requireGit: false,
    restoreOnly: false,
  };
}
