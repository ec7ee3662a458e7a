// Metrics as the browser lists them, and the expressions it writes for them.

import { quoted } from "./log-query";

export interface MetricName {
  readonly name: string;
  /** `counter`, `gauge`, `histogram`, …; empty when nothing is known. */
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

export interface MetricNames {
  readonly names: readonly MetricName[];
  /** There are more than were asked for. */
  readonly more: boolean;
}

/** A label and the value it must have. */
export type Pair = readonly [label: string, value: string];

/** Series that Watchfire makes of log records on demand. */
export interface LogMetric extends MetricName {
  /** What it means, in a sentence or two. */
  readonly about: string;
  readonly examples: readonly string[];
  /** What a selector of it has to have, with values to be changed. */
  readonly needs: readonly Pair[];
}

const BARE_METRIC = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const BARE_LABEL = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Endings of the series that one metric of an exposition becomes. */
const PARTS = /_(bucket|sum|count|total)$/;

/** Lines of `search/metric_names`: batches, then a line that says how it ended. `null` when it ended in an error. */
export function readSearch(lines: readonly unknown[]): MetricNames | null {
  const names: MetricName[] = [];
  let more = false;
  for (const line of lines) {
    const { results, status, has_more } = line as { readonly results?: readonly Partial<MetricName>[]; readonly status?: string; readonly has_more?: boolean };
    if (status === "error") {
      return null;
    }
    names.push(...(results ?? []).map(({ name = "", type = "", help = "", unit = "" }) => ({ name, type, help, unit })));
    more ||= has_more === true;
  }
  return { names, more };
}

/** What is known of a name: of itself, else of the metric that it is a part of. */
export function aboutName<T>(name: string, known: Readonly<Record<string, T>>): T | undefined {
  return known[name] ?? known[familyOf(name)];
}

/** The metric of an exposition that a name may be a part of. */
export function familyOf(name: string): string {
  return name.replace(PARTS, "");
}

/** Names that hold all words, in the name or the help, in any order. */
export function filterNames<T extends MetricName>(names: readonly T[], words: string): readonly T[] {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return wanted.length === 0 ? names : names.filter(({ name, help }) => wanted.every((word) => `${name} ${help}`.toLowerCase().includes(word)));
}

/** `up{job="api"}`; names beyond letters, digits and `_` go in quotes inside the braces. */
export function selector(name: string, pairs: readonly Pair[] = []): string {
  const bare = BARE_METRIC.test(name);
  const matchers = pairs.map(([label, value]) => `${BARE_LABEL.test(label) ? label : quoted(label)}=${quotedValue(value)}`);
  const inside = [...(bare ? [] : [quoted(name)]), ...matchers];
  return `${bare ? name : ""}${inside.length > 0 ? `{${inside.join(", ")}}` : ""}`;
}

/** What one usually wants of a metric: a counter's rate, a classic histogram's 95th percentile, else the values. */
export function starter({ name, type }: Pick<MetricName, "name" | "type">, pairs: readonly Pair[] = []): string {
  if (name.endsWith("_bucket")) {
    return `histogram_quantile(0.95, sum by (le) (rate(${selector(name, pairs)}[5m])))`;
  }
  if (type === "histogram" && !/_(sum|count)$/.test(name)) {
    return `histogram_quantile(0.95, sum(rate(${selector(name, pairs)}[5m])))`;
  }
  return type === "counter" || /_(total|count|sum)$/.test(name) ? `rate(${selector(name, pairs)}[5m])` : selector(name, pairs);
}

/** The pair in if it was out, out if it was in; a label has one value at most. */
export function togglePair(pairs: readonly Pair[], label: string, value: string): readonly Pair[] {
  const rest = pairs.filter(([name]) => name !== label);
  return pairs.some(([name, text]) => name === label && text === value) ? rest : [...rest, [label, value]];
}

/** How many series have each value, by an expression that the engine answers. */
export function countBy(name: string, label: string, limit: number): string {
  return `topk(${limit}, count by (${BARE_LABEL.test(label) ? label : quoted(label)}) (${selector(name)}))`;
}

/** A string of PromQL, line breaks and tabs written as such. */
function quotedValue(value: string): string {
  return quoted(value).replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t");
}
