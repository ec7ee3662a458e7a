// The log histogram's numbers: which bar is under the pointer, how its parts stack.

import { levelOf } from "./level";
import { assignStyles } from "./series";
import type { Span } from "./time-range";

/** Counts of one value of the `by` field; `value` is `null` for records without it. */
export interface CountSeries {
  readonly value: string | null;
  readonly counts: readonly number[];
}

/** One part of every bar. */
export interface Layer {
  readonly name: string;
  /** Custom property that holds its colour. */
  readonly tone: string;
  /** What to filter by for these records alone; `null` where no filter says it. */
  readonly value: string | null;
  readonly counts: readonly number[];
}

export interface Bars {
  /** Unix milliseconds of the first bar's start. */
  readonly start: number;
  /** Milliseconds a bar covers. */
  readonly step: number;
  /** Drawn from the bottom up: levels with the most severe first, so that errors stand on the axis; values with the most frequent first. */
  readonly layers: readonly Layer[];
  readonly totals: readonly number[];
  /** The highest bar, at least 1. */
  readonly peak: number;
}

/** Values that have a layer of their own; the rest are one layer, `other`. */
export const LAYERS_MAX = 8;

/** Stacks the series of a histogram split by `by` (empty: not split). `start` and `step` are in seconds, as the API gives them. */
export function stack(start: number, step: number, series: readonly CountSeries[], by: string): Bars {
  const layers = by === "level" ? levels(series) : by === "" ? whole(series) : values(series);
  const length = Math.max(0, ...layers.map((layer) => layer.counts.length));
  const totals = Array.from({ length }, (_, index) => layers.reduce((sum, layer) => sum + (layer.counts[index] ?? 0), 0));
  return { start: start * 1000, step: step * 1000, layers, totals, peak: Math.max(1, ...totals) };
}

/** All records of a layer. */
export function layerTotal(layer: Layer): number {
  return sum(layer.counts);
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

function levels(series: readonly CountSeries[]): readonly Layer[] {
  return series
    .map(({ value, counts }) => ({ level: levelOf(value), value, counts }))
    .sort((a, b) => (a.level.number ?? 8) - (b.level.number ?? 8))
    .map(({ level, value, counts }) => ({ name: level.name, tone: level.tone, value, counts }));
}

function whole(series: readonly CountSeries[]): readonly Layer[] {
  return series.length === 0 ? [] : [{ name: "records", tone: "--info", value: null, counts: added(series.map((entry) => entry.counts)) }];
}

function values(series: readonly CountSeries[]): readonly Layer[] {
  const ordered = [...series].sort((a, b) => sum(b.counts) - sum(a.counts));
  const own = ordered.slice(0, LAYERS_MAX);
  const rest = ordered.slice(LAYERS_MAX);
  const styles = assignStyles(own.map((entry) => entry.value ?? ""));
  const layers = own.map(({ value, counts }, index): Layer => ({ name: nameOf(value), tone: value === null ? "--info" : (styles[index]?.color ?? "--info"), value, counts }));
  return rest.length === 0 ? layers : [...layers, { name: `other (${rest.length})`, tone: "--debug", value: null, counts: added(rest.map((entry) => entry.counts)) }];
}

function nameOf(value: string | null): string {
  return value === null ? "(none)" : value === "" ? "(empty)" : value;
}

function added(all: readonly (readonly number[])[]): readonly number[] {
  return Array.from({ length: Math.max(0, ...all.map((counts) => counts.length)) }, (_, index) => all.reduce((total, counts) => total + (counts[index] ?? 0), 0));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, value) => total + value, 0);
}
