// The log histogram's numbers: which bar is under the pointer, how the levels stack.

import { levelOf, type Level, NO_LEVEL } from "./level";
import type { Span } from "./time-range";

/** Counts of one value of the `by` field; `value` is `null` for records without it. */
export interface CountSeries {
  readonly value: string | null;
  readonly counts: readonly number[];
}

export interface Bars {
  /** Unix milliseconds of the first bar's start. */
  readonly start: number;
  /** Milliseconds a bar covers. */
  readonly step: number;
  /** Drawn from the bottom up: the most severe level first, so that errors stand on the axis. */
  readonly layers: readonly { readonly level: Level | typeof NO_LEVEL; readonly counts: readonly number[] }[];
  readonly totals: readonly number[];
  /** The highest bar, at least 1. */
  readonly peak: number;
}

/** Stacks the series of a histogram by level. `start` and `step` are in seconds, as the API gives them. */
export function stack(start: number, step: number, series: readonly CountSeries[]): Bars {
  const layers = series
    .map(({ value, counts }) => ({ level: levelOf(value), counts }))
    .sort((a, b) => (a.level.number ?? 8) - (b.level.number ?? 8));
  const length = Math.max(0, ...layers.map((layer) => layer.counts.length));
  const totals = Array.from({ length }, (_, index) => layers.reduce((sum, layer) => sum + (layer.counts[index] ?? 0), 0));
  return { start: start * 1000, step: step * 1000, layers, totals, peak: Math.max(1, ...totals) };
}

/** The span of the bars between two points given as shares (0 to 1) of the drawn span, whole bars, never empty. */
export function brushed(bars: Bars, drawn: Span, from: number, to: number): Span {
  const at = (share: number) => drawn.start + Math.min(1, Math.max(0, share)) * (drawn.end - drawn.start);
  const low = Math.floor((at(Math.min(from, to)) - bars.start) / bars.step);
  const high = Math.max(low + 1, Math.ceil((at(Math.max(from, to)) - bars.start) / bars.step));
  return { start: bars.start + low * bars.step, end: bars.start + high * bars.step };
}

/** The index of the bar at a share of the drawn span, or `null` outside the bars. */
export function barAt(bars: Bars, drawn: Span, share: number): number | null {
  const index = Math.floor((drawn.start + share * (drawn.end - drawn.start) - bars.start) / bars.step);
  return index >= 0 && index < bars.totals.length ? index : null;
}
