/** Ten clusters on one repository, each with the product's own writer: from a transition to the pushed commit. */
import { systemClock } from "../../src/clock.ts";
import type { GitRemote } from "../../src/git/remote.ts";
import { openRemote } from "../../src/git/repo.ts";
import { silentLogger } from "../../src/log.ts";
import type { ReconcileDeps } from "../../src/reconcile/deps.ts";
import { createGitRecord } from "../../src/reconcile/git-record.ts";
import { createLiveObjects } from "../../src/reconcile/live-objects.ts";
import { runRecordLoop } from "../../src/reconcile/record-loop.ts";
import { createSources } from "../../src/reconcile/sources.ts";

export interface TransitionsJob {
  readonly url: string;
  readonly cacheDir: string;
  readonly clusters: number;
  /** Of each cluster, `everyMs` apart. */
  readonly transitions: number;
  readonly everyMs: number;
}

/** Times in ms, sorted, and the commits they took. */
export async function measureTransitions(job: TransitionsJob): Promise<{ times: number[]; commits: number }> {
  const clusters = await Promise.all(
    Array.from({ length: job.clusters }, (_, index) => runCluster(job, `c${index + 1}`)),
  );
  return {
    times: clusters.flatMap(({ times }) => times).sort((a, b) => a - b),
    commits: clusters.reduce((sum, { commits }) => sum + commits, 0),
  };
}

async function runCluster(job: TransitionsJob, cluster: string): Promise<{ times: number[]; commits: number }> {
  const remote = await openRemote({ location: { url: job.url }, cacheDir: job.cacheDir, clock: systemClock });
  const began = new Map<string, number>();
  const times: number[] = [];
  let commits = 0;
  const timed: GitRemote = {
    ...remote,
    commitIfChanged: async (request) => {
      const outcome = await remote.commitIfChanged(request);
      if (outcome.type === "committed") commits += 1;
      for (const path of outcome.type === "committed" ? outcome.paths : []) {
        const name = /([^/]+)\.yaml$/.exec(path)?.[1] ?? "";
        const at = began.get(name);
        if (at !== undefined && began.delete(name)) times.push(performance.now() - at);
      }
      return outcome;
    },
  };
  const installation = { cluster, clusterUid: cluster, namespace: "holdfast", term: 1 };
  const live = createLiveObjects("holdfast");
  const sources = createSources({ flagged: undefined, hasObjects: () => true, onRecord: () => {} });
  sources.setRecordTarget({ namespace: "holdfast", name: "main" }, { remote: timed, branch: `holdfast/${cluster}` });
  const record = createGitRecord({ live, sources, clock: systemClock, installation });
  live.subscribe(record.note);
  const stop = new AbortController();
  const deps = { record, clock: systemClock, log: silentLogger } as ReconcileDeps;
  const health = { lastError: undefined, failures: 0 };
  const loop = runRecordLoop(deps, health, { signal: stop.signal, stepDown: () => {} });
  for (let i = 0; i < job.transitions; i++) {
    const name = `shop-hourly-20261120${String(100_000 + i)}`;
    began.set(name, performance.now());
    live.put(endedBackup(name, cluster));
    await systemClock.sleep(job.everyMs);
  }
  while (began.size > 0) await systemClock.sleep(100);
  stop.abort();
  await loop;
  await remote.close();
  return { times, commits };
}

function endedBackup(name: string, cluster: string): Parameters<ReturnType<typeof createLiveObjects>["put"]>[0] {
  const metadata = { name, namespace: "holdfast", uid: name, resourceVersion: "1" };
  const times = { startTimestamp: "2026-11-20T10:00:00Z", completionTimestamp: "2026-11-20T10:00:12Z" };
  const policy = { name: "shop", schedule: "hourly", revision: "a".repeat(40) };
  const status = { phase: "Completed", cluster, ...times, manifestSha256: "b".repeat(64), policy };
  return { apiVersion: "holdfast.dev/v1alpha1", kind: "Backup", metadata, spec: {}, status };
}
