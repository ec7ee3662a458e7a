// The questions of the metric browser: names like some words, a metric's labels, a label's values.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { valueOf, type Failure } from "../../api/client";
import { labelNames, labelValues, metadata, query, searchMetricNames, type MetricMetadata, type Scope } from "../../api/prometheus";
import { withoutLogMetrics } from "../../lib/log-metrics";
import { aboutName, countBy, familyOf, filterNames, readSearch, selector, type MetricName, type MetricNames } from "../../lib/metric-names";
import { parseSample } from "../../lib/series";
import type { Span } from "../../lib/time-range";

/** The root of the browser's query keys. */
const BROWSER_KEY = "metric-browser";
/** Names asked for at first; each time the reader comes to the end, ten times as many. */
export const NAMES_FIRST = 1_000;
export const NAMES_MAX = 100_000;
/** Labels of a metric, and values of a label, at most. */
const LABELS_MAX = 200;
export const VALUES_MAX = 200;
/** Spans are widened to whole minutes, so that a moving range asks for the same again; milliseconds. */
const MINUTE_MS = 60_000;
/** How often is looked for the first metric, in milliseconds. */
const LOOK_AGAIN_MS = 5_000;

export function useMetricNames(words: string, exact: Span, limit: number) {
  const span = wholeMinutes(exact);
  return useQuery<MetricNames, Failure>({
    queryKey: [BROWSER_KEY, "names", words, span, limit],
    queryFn: async ({ signal }) => {
      const answer = await searchMetricNames(words, scope(span), limit, signal);
      if (answer.ok) {
        const found = readSearch(answer.value);
        if (found) {
          return found;
        }
      } else if (answer.failure.kind === "cancelled" || answer.failure.kind === "unreachable") {
        throw answer.failure;
      }
      // A server without the search gives all names, which are searched here.
      return allNames(words, span, limit, signal);
    },
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    refetchInterval: ({ state }) => (words === "" && state.data !== undefined && withoutLogMetrics(state.data.names).length === 0 ? LOOK_AGAIN_MS : false),
  });
}

async function allNames(words: string, span: Span, limit: number, signal: AbortSignal): Promise<MetricNames> {
  const [names, about] = await Promise.all([valueOf(labelValues("__name__", scope(span), NAMES_MAX, signal)), metadata(NAMES_MAX, null, signal)]);
  const known = about.ok ? about.value.data : {};
  const all = names.data.map((name): MetricName => {
    const { type = "", help = "", unit = "" } = aboutName(name, known)?.[0] ?? {};
    return { name, type, help, unit };
  });
  const found = filterNames(all, words);
  return { names: found.slice(0, limit), more: found.length > limit };
}

/** What is known of the metric that a name is a part of, as `x` tells of `x_bucket`. */
export function useFamily(name: string, wanted: boolean) {
  return useQuery<MetricMetadata | null, Failure>({
    queryKey: [BROWSER_KEY, "family", name],
    queryFn: async ({ signal }) => {
      const family = familyOf(name);
      return (await valueOf(metadata(1, family, signal))).data[family]?.[0] ?? null;
    },
    enabled: wanted,
    staleTime: Infinity,
  });
}

/** The labels that series of the metric have. */
export function useLabelNames(metric: string, exact: Span) {
  const span = wholeMinutes(exact);
  return useQuery<readonly string[], Failure>({
    queryKey: [BROWSER_KEY, "labels", metric, span],
    queryFn: async ({ signal }) => (await valueOf(labelNames(scope(span, metric), LABELS_MAX, signal))).data.filter((name) => name !== "__name__"),
    staleTime: Infinity,
  });
}

export interface LabelValue {
  readonly value: string;
  /** Series that have it at the end of the span; `null` when they were not counted. */
  readonly series: number | null;
}

/** A label's values with the number of series that have each, the most frequent first. */
export function useLabelValues(metric: string, label: string, exact: Span, counted: boolean) {
  const span = wholeMinutes(exact);
  return useQuery<readonly LabelValue[], Failure>({
    queryKey: [BROWSER_KEY, "values", metric, label, span, counted],
    queryFn: async ({ signal }) => {
      const [values, counts] = await Promise.all([
        valueOf(labelValues(label, scope(span, metric), VALUES_MAX, signal)),
        counted ? seriesBy(metric, label, span, signal) : Promise.resolve(new Map<string, number>()),
      ]);
      // The counts know the most frequent values, the list those that have gone meanwhile.
      const all = new Set([...counts.keys(), ...values.data]);
      const rows = [...all].map((value): LabelValue => ({ value, series: counts.get(value) ?? null }));
      return rows.sort((a, b) => (b.series ?? 0) - (a.series ?? 0)).slice(0, VALUES_MAX);
    },
    staleTime: Infinity,
  });
}

/** How many series the metric has at the end of the span. */
export function useSeriesCount(metric: string, exact: Span, wanted: boolean) {
  const span = wholeMinutes(exact);
  return useQuery<number, Failure>({
    queryKey: [BROWSER_KEY, "count", metric, span],
    queryFn: async ({ signal }) => {
      const { data } = await valueOf(query(`count(${selector(metric)})`, span.end / 1000, signal));
      return data.resultType === "vector" ? parseSample(data.result[0]?.value?.[1] ?? "0") : 0;
    },
    enabled: wanted,
    staleTime: Infinity,
  });
}

/** Series by the label's value; those without the label are left out. */
async function seriesBy(metric: string, label: string, span: Span, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  const answer = await query(countBy(metric, label, VALUES_MAX), span.end / 1000, signal);
  // Without the counts the values themselves are still worth showing.
  const rows = answer.ok && answer.value.data.resultType === "vector" ? answer.value.data.result : [];
  return new Map(rows.flatMap(({ metric, value }) => Object.values(metric).map((text): [string, number] => [text, parseSample(value?.[1] ?? "0")])));
}

function wholeMinutes({ start, end }: Span): Span {
  return { start: Math.floor(start / MINUTE_MS) * MINUTE_MS, end: Math.ceil(end / MINUTE_MS) * MINUTE_MS };
}

function scope(span: Span, metric: string | null = null): Scope {
  return { match: metric === null ? null : selector(metric), start: span.start / 1000, end: span.end / 1000 };
}
