// The answers to the page's expressions, as one chart's worth of series.

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "preact/hooks";
import { valueOf, type Failure } from "../../api/client";
import { explain, type Explanation, type Moments } from "../../api/explain";
import { query, queryExemplars, queryRange, type InstantResult, type RangeResult, type Told } from "../../api/prometheus";
import { exemplarMarks, type ExemplarMark } from "../../lib/exemplars";
import { heatmap } from "../../lib/heatmap";
import { PALETTE, align, assignStyles, seriesName, statistics, type LabelSet, type Points, type SeriesColor, type Statistics } from "../../lib/series";
import { niceStep } from "../../lib/ticks";
import type { Span } from "../../lib/time-range";

export const METRICS_KEY = "metrics";
/** Series drawn at most; the rest is counted and said. */
export const SERIES_MAX = 200;
/** Points per series at most, as the server refuses 11,000. */
const POINTS_MAX = 10_000;

export interface Series {
  readonly key: string;
  readonly labels: LabelSet;
  readonly color: SeriesColor;
  readonly dash: readonly number[];
  readonly statistics: Statistics;
}

/** Seconds between points: about one per two pixels, at least a second; `chosen` wins where the server allows it. */
export function stepFor(span: Span, width: number, chosen: number | null): number {
  const least = (span.end - span.start) / 1000 / POINTS_MAX;
  return Math.max(chosen ?? niceStep(span, Math.max(50, width / 2)), least);
}

/** The range on the step's own grid, so that a moving range asks for the same instants again. */
export function onGrid(span: Span, step: number): { readonly start: number; readonly end: number } {
  return { start: Math.ceil(span.start / 1000 / step) * step, end: Math.floor(span.end / 1000 / step) * step };
}

export function useRanges(expressions: readonly string[], span: Span | null, step: number, run: number, active: boolean) {
  const grid = span ? onGrid(span, step) : { start: 0, end: 0 };
  return useQueries({
    queries: expressions.map((expr) => ({
      queryKey: [METRICS_KEY, "range", expr, grid, step, run],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => timed(() => valueOf(queryRange(expr, grid.start, grid.end, step, signal))),
      enabled: active && span !== null && expr.trim() !== "",
      placeholderData: keepPreviousData<Timed<Told<RangeResult>>>,
      staleTime: Infinity,
    })),
  });
}

export function useInstants(expressions: readonly string[], time: number | null, run: number, active: boolean) {
  return useQueries({
    queries: expressions.map((expr) => ({
      queryKey: [METRICS_KEY, "instant", expr, time, run],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => timed(() => valueOf(query(expr, (time ?? 0) / 1000, signal))),
      enabled: active && time !== null && expr.trim() !== "",
      placeholderData: keepPreviousData<Timed<Told<InstantResult>>>,
      staleTime: Infinity,
    })),
  });
}

/** All expressions' series on one grid, at most `SERIES_MAX`. */
export function useSeries(results: readonly (RangeResult | undefined)[], span: Span | null, step: number) {
  return useMemo(() => {
    const entries = results.flatMap((result, index) => (result?.result ?? []).map((entry) => ({ index, entry })));
    const drawn = entries.slice(0, SERIES_MAX);
    const points = drawn.map(({ entry }): Points => entry.values ?? (entry.histograms ?? []).map(([time, histogram]) => [time, histogram.count] as const));
    // An older answer keeps its own grid while the next one is on its way.
    const { start, end } = span ? onGrid(span, step) : { start: 0, end: 0 };
    const grid = align(points, start, end, step);
    const keys = drawn.map(({ index, entry }) => `${index} ${seriesName(entry.metric)}`);
    const styles = assignStyles(keys.map((key) => key.slice(key.indexOf(" ") + 1)));
    const series = drawn.map(({ entry }, index): Series => ({
      key: keys[index] ?? "",
      labels: entry.metric,
      color: styles[index]?.color ?? PALETTE[0],
      dash: styles[index]?.dash ?? [],
      statistics: statistics(grid.columns[index] ?? []),
    }));
    const map = heatmap(drawn.map(({ entry }) => entry), start, end, step);
    return { grid, series, map, total: entries.length };
  }, [...results, results.length, span?.start, span?.end, step]);
}

/** What each expression's parts returned and cost: at the table's instant, or over the graph's range. */
export function useExplanations(expressions: readonly string[], moments: Moments | null, run: number) {
  return useQueries({
    queries: expressions.map((expr) => ({
      queryKey: [METRICS_KEY, "explain", expr, moments, run],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => valueOf(explain(expr, moments ?? { time: 0 }, signal)),
      enabled: moments !== null && expr.trim() !== "",
      placeholderData: keepPreviousData<Explanation>,
      staleTime: Infinity,
    })),
  });
}

/** Exemplars of all expressions together, in order of time. */
export function useExemplars(expressions: readonly string[], span: Span | null, run: number, active: boolean) {
  return useQuery<readonly ExemplarMark[], Failure>({
    queryKey: [METRICS_KEY, "exemplars", expressions, span, run],
    queryFn: async ({ signal }) => {
      const asked = expressions.filter((expr) => expr.trim() !== "");
      const answers = await Promise.all(asked.map((expr) => valueOf(queryExemplars(expr, (span?.start ?? 0) / 1000, (span?.end ?? 0) / 1000, signal))));
      return exemplarMarks(answers.map((answer) => answer.data));
    },
    placeholderData: keepPreviousData,
    enabled: active && span !== null,
    staleTime: Infinity,
  });
}

export interface Timed<T> {
  readonly value: T;
  /** Milliseconds from the question to the answer, as the page saw it. */
  readonly elapsed: number;
}

async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const began = performance.now();
  const value = await work();
  return { value, elapsed: performance.now() - began };
}
