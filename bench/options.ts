import { parseArgs } from "node:util";

export const BENCHES = [
  "backup",
  "object",
  "restore",
  "restore-safe",
  "restore-applied",
  "update",
  "update-safe",
  "update-again",
  "plan",
  "growth",
  "record",
] as const;
export type BenchName = (typeof BENCHES)[number];

/** Without names; growth fills four clusters and takes its time, the others are variants. */
const DEFAULT_BENCHES: readonly BenchName[] = ["backup", "object", "restore", "update", "update-again", "plan"];

/** What to measure and how. */
export interface BenchOptions {
  readonly benches: readonly BenchName[];
  readonly objects: number;
  /** Of growth. */
  readonly counts: readonly number[];
  readonly store: "fs" | "s3";
  readonly runs: number;
  /** One JSON line a bench and nothing else on stdout. */
  readonly json: boolean;
}

export const USAGE = `usage: npm run bench -- [bench]... [options]

Measures the product against the bare server on a testbed of its own; without names, those marked with *.

* backup           a backup of everything
* object           one object read out of such a backup
* restore          a restore of it into an empty cluster
  restore-safe     the same after a safety backup, which finds nothing to copy
  restore-applied  the same of objects that were made by server-side apply
* update           a restore by update into the cluster that it was made of: every object gets its labels
  update-safe      the same after a safety backup of every object
* update-again     the same run once more: nothing is written
* plan             a plan of it against the cluster that it was made of
  growth           backup at several counts, each in a cluster of its own, and the exponent
  record           commits on a long status branch, the first move of its old years, and ten clusters that record at once

  --objects N      objects in the cluster (20000)
  --counts N,N,..  objects in the clusters of growth (1000,10000,20000,100000)
  --store fs|s3    where backups go (fs)
  --runs N         alternating runs of baseline and product; the median counts (5)
  --json           one JSON line a bench: objects, limitMs, ms, ratio, rssMb, limit
`;

/** Reads the command line. @throws Error with a sentence for a person */
export function readOptions(args: readonly string[]): BenchOptions | "help" {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      objects: { type: "string", default: "20000" },
      counts: { type: "string", default: "1000,10000,20000,100000" },
      store: { type: "string", default: "fs" },
      runs: { type: "string", default: "5" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const unknown = positionals.find((name) => !isBench(name));
  if (unknown !== undefined) throw new Error(`there is no bench "${unknown}"; there are ${BENCHES.join(", ")}`);
  if (values.store !== "fs" && values.store !== "s3") throw new Error(`--store is fs or s3, not ${values.store}`);
  return {
    benches: positionals.length === 0 ? DEFAULT_BENCHES : positionals.filter(isBench),
    objects: positive("--objects", values.objects),
    counts: values.counts.split(",").map((count) => positive("--counts", count)),
    store: values.store,
    runs: positive("--runs", values.runs),
    json: values.json,
  };
}

function isBench(name: string): name is BenchName {
  return (BENCHES as readonly string[]).includes(name);
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} is a positive number, not ${text}`);
  return value;
}
