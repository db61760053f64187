import { canonicalJson, parseJson } from "../api/json.ts";
import { METRICS, type Sample } from "./metrics-table.ts";
import { rowsJson } from "./stable-text.ts";

/** What many backups and restores add to counters and histograms, together: grows with the series, not with them. */
export class Counts {
  readonly #sums = new Map<string, Sample>();

  /** What stands in `counters.json`; what is none (a person's edit) counts as empty. */
  static parse(bytes: Uint8Array | undefined): Counts {
    const counts = new Counts();
    if (bytes === undefined) return counts;
    try {
      const { sums } = parseJson(bytes) as { readonly sums?: Readonly<Record<string, Sample>> };
      counts.add(Object.values(sums ?? {}).filter(isSample));
    } catch {
      return new Counts();
    }
    return counts;
  }

  add(samples: Iterable<Sample>): void {
    for (const sample of samples) {
      const { name, labels, value, times = 1 } = sample;
      const isObservation = METRICS[name].type === "histogram";
      const key = `${name} ${canonicalJson(labels)}${isObservation ? ` ${value}` : ""}`;
      const before = this.#sums.get(key);
      if (isObservation) this.#sums.set(key, { name, labels, value, times: (before?.times ?? 0) + times });
      else this.#sums.set(key, { name, labels, value: (before?.value ?? 0) + value });
    }
  }

  samples(): readonly Sample[] {
    return [...this.#sums.values()];
  }

  /** The bytes of `counters.json`; undefined while there is nothing to keep. */
  text(): string | undefined {
    return this.#sums.size === 0 ? undefined : rowsJson({}, "sums", Object.fromEntries(this.#sums));
  }
}

function isSample({ name, labels, value, times = 1 }: Sample): boolean {
  return name in METRICS && typeof labels === "object" && Number.isFinite(value) && Number.isFinite(times);
}
