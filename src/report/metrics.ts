import { Counter, Gauge, Registry } from "prom-client";
import { createHistogram } from "./histogram.ts";
import { METRICS, type MetricDefinition, type Sample } from "./metrics-table.ts";

/** What `/metrics` answers. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/**
 * Samples in Prometheus' text format. Several samples of one counter's series add up, those of a gauge's replace each
 * other, and those of a histogram are observations. The registry lives for one answer: nothing is kept between two.
 */
export async function renderMetrics(samples: Iterable<Sample>): Promise<MetricsText> {
  const registry = new Registry();
  const writers = new Map(
    Object.entries<MetricDefinition>(METRICS).map(([name, definition]) => [name, writerOf(registry, name, definition)]),
  );
  for (const { name, labels, value, times } of samples) writers.get(name)?.(labels, value, times);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

type Write = (labels: Readonly<Record<string, string>>, value: number, times?: number) => void;

function writerOf(registry: Registry, name: string, definition: MetricDefinition): Write {
  const { help, buckets = [] } = definition;
  const options = { name, help, labelNames: [...definition.labels], registers: [registry] };
  switch (definition.type) {
    case "counter": {
      const metric = new Counter(options);
      return (labels, value) => metric.inc({ ...labels }, value);
    }
    case "gauge": {
      const metric = new Gauge(options);
      return (labels, value) => metric.set({ ...labels }, value);
    }
    case "histogram": {
      const histogram = createHistogram(name, help, buckets);
      registry.registerMetric(histogram.metric);
      return histogram.observe;
    }
  }
}
