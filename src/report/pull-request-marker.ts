/** The first line of our comment: invisible on the page, and how it is found again. */

export interface PullRequestMarker {
  readonly cluster: string;
  /** `namespace/name` of the source. */
  readonly source: string;
  /** Digest of what the comment says: an equal one is not written again. */
  readonly key: string;
  /** `open`: the plan. `merged`: what became of it so far. `done`: nothing more will come. */
  readonly phase: "open" | "merged" | "done";
  /** The restores that were planned: `namespace/name`, and the first digits of the key each would run under. */
  readonly restores: readonly { readonly name: string; readonly key: string }[];
}

/** More restores than a person puts into one pull request; the rest is told of in the record. */
const MAX_RESTORES = 50;
/** Digits of a restore's key that stand in the marker. */
export const SHOWN_KEY_DIGITS = 16;

const MARKER =
  /^<!-- holdfast:pull-request cluster=([a-z0-9-]+) source=([a-z0-9.-]+\/[a-z0-9.-]+) key=([0-9a-f]{64}) phase=(open|merged|done) restores=(\S*) -->/;

/** Names are DNS labels and subdomains: none of them can end the HTML comment. */
export function markerText(marker: PullRequestMarker): string {
  const restores = marker.restores
    .slice(0, MAX_RESTORES)
    .map(({ name, key }) => `${name}@${key.slice(0, SHOWN_KEY_DIGITS)}`);
  return `<!-- holdfast:pull-request cluster=${marker.cluster} source=${marker.source} key=${marker.key} phase=${marker.phase} restores=${restores.join(",")} -->`;
}

/** Reads the marker that a comment begins with; undefined where it begins with none. */
export function parseMarker(body: string): PullRequestMarker | undefined {
  const [, cluster, source, key, phase, restores = ""] = MARKER.exec(body) ?? [];
  if (cluster === undefined || source === undefined || key === undefined) return undefined;
  return {
    cluster,
    source,
    key,
    phase: phase as PullRequestMarker["phase"],
    restores: restores
      .split(",")
      .filter((part) => part !== "")
      .map((part) => {
        const [name = "", digits = ""] = part.split("@");
        return { name, key: digits };
      }),
  };
}
