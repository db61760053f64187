import type { Metric, MetricObjectWithValues, MetricValueWithName } from "prom-client";

type Labels = Readonly<Record<string, string>>;

/** A histogram for one answer. */
export interface WeightedHistogram {
  readonly metric: Metric;
  /** `times` equal observations at once; one unless told. */
  observe(labels: Labels, value: number, times?: number): void;
}

interface Series {
  readonly labels: Labels;
  /** Observations at or below each bound, and at last all of them. */
  readonly counts: number[];
  sum: number;
}

/**
 * What prom-client's own can't do: an observation with a weight. A year's record holds thousands of equal durations, and
 * they are told at every scrape.
 */
export function createHistogram(name: string, help: string, buckets: readonly number[]): WeightedHistogram {
  const bounds = [...buckets, Number.POSITIVE_INFINITY];
  const all = new Map<string, Series>();

  const valuesOf = ({ labels, counts, sum }: Series): MetricValueWithName<string>[] => [
    ...bounds.map((bound, at) => ({
      metricName: `${name}_bucket`,
      labels: { le: bound === Number.POSITIVE_INFINITY ? "+Inf" : bound, ...labels },
      value: counts[at] ?? 0,
    })),
    { metricName: `${name}_sum`, labels: { ...labels }, value: sum },
    { metricName: `${name}_count`, labels: { ...labels }, value: counts.at(-1) ?? 0 },
  ];

  const get = async (): Promise<MetricObjectWithValues<MetricValueWithName<string>>> =>
    ({ name, help, type: "histogram", values: [...all.values()].flatMap(valuesOf), aggregator: "sum" }) as never;

  return {
    metric: { name, get } as unknown as Metric,
    observe: (labels, value, times = 1) => {
      const key = JSON.stringify(labels);
      const series = all.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0 };
      all.set(key, series);
      series.sum += value * times;
      for (const [at, bound] of bounds.entries())
        if (value <= bound) series.counts[at] = (series.counts[at] ?? 0) + times;
    },
  };
}
