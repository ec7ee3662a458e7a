// How a table of results is drawn: over time where a column holds times, else as bars, a single row of numbers as figures.

import type { Cell, Table } from "../api/logs";
import type { Bars, Layer } from "./histogram";
import type { Key } from "./log-query";
import { levelOf } from "./level";
import { PALETTE, assignStyles, type Grid, type SeriesColor } from "./series";
import { cellText } from "./table";
import type { Span } from "./time-range";

/** Series drawn over time at most. */
export const SERIES_MAX = 40;
/** Bars drawn at most. */
export const BARS_MAX = 50;

export interface TimeSeries {
  readonly name: string;
  readonly color: SeriesColor;
  readonly dash: readonly number[];
  /** One value per time of the chart; `null` is a gap. */
  readonly values: readonly (number | null)[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** What the bar stands for; `null` is a field that the records lack. */
  readonly keys: readonly Key[];
}

export type TableChart =
  | {
      readonly kind: "time";
      /** Unix seconds, ascending. */
      readonly times: readonly number[];
      /** Seconds between two times, the least that occurs. */
      readonly step: number;
      readonly series: readonly TimeSeries[];
      /** Series that are not drawn. */
      readonly left: number;
    }
  | { readonly kind: "bars"; readonly measure: string; readonly bars: readonly Bar[]; readonly left: number }
  | { readonly kind: "figures"; readonly figures: readonly { readonly name: string; readonly value: number | null }[] };

export interface ChartOptions {
  /** The number that bars show; `null` is the first. */
  readonly measure: string | null;
  /** Columns that the rows are grouped by. */
  readonly groups: readonly string[];
  /** The rows stand in an order that was asked for; else the greatest bars come first. */
  readonly ordered: boolean;
}

type Shape = Pick<Table, "columns" | "types" | "rows">;

/** Columns that a chart can measure by: numbers that the rows are not grouped by. */
export function measures(table: Shape, groups: readonly string[]): readonly string[] {
  const numbers = table.columns.filter((name, index) => table.types[index] === "number" && !groups.includes(name));
  // Without a text to name them, the first column of numbers names the bars.
  return numbers.length === table.columns.length && table.rows.length > 1 ? numbers.slice(1) : numbers;
}

/** The chart of a table, or `null` where nothing in it can be measured. */
export function chartOf(table: Shape, { measure, groups, ordered }: ChartOptions): TableChart | null {
  const numbers = measures(table, groups);
  if (numbers.length === 0 || table.rows.length === 0) {
    return null;
  }
  const time = table.types.indexOf("time");
  if (time >= 0) {
    return overTime(table, time, numbers);
  }
  if (table.rows.length === 1 && numbers.length === table.columns.length) {
    return { kind: "figures", figures: table.columns.map((name, index) => ({ name, value: numberOf(table.rows[0]?.[index]) })) };
  }
  return bars(table, measure !== null && numbers.includes(measure) ? measure : (numbers[0] ?? ""), numbers, ordered);
}

/** The chart's series on the grid that a line chart draws. */
export function gridOf(chart: Extract<TableChart, { kind: "time" }>): Grid {
  return { times: chart.times, columns: chart.series.map((entry) => entry.values) };
}

/** The chart as stacked bars; nothing stacks below zero, so negative values are left out. */
export function barsOf(chart: Extract<TableChart, { kind: "time" }>): Bars {
  const start = chart.times[0] ?? 0;
  const length = Math.round(((chart.times.at(-1) ?? start) - start) / chart.step) + 1;
  const layers = chart.series.map((entry): Layer => {
    const counts = new Array<number>(length).fill(0);
    chart.times.forEach((time, index) => {
      const place = Math.round((time - start) / chart.step);
      counts[place] = (counts[place] ?? 0) + Math.max(0, entry.values[index] ?? 0);
    });
    return { name: entry.name, tone: entry.color, value: null, counts };
  });
  const totals = Array.from({ length }, (_, index) => layers.reduce((sum, layer) => sum + (layer.counts[index] ?? 0), 0));
  return { start: start * 1000, step: chart.step * 1000, layers, totals, peak: Math.max(1, ...totals) };
}

/** The span that the chart covers, the last bar included. */
export function spanOf(chart: Extract<TableChart, { kind: "time" }>): Span {
  return { start: (chart.times[0] ?? 0) * 1000, end: ((chart.times.at(-1) ?? 0) + chart.step) * 1000 };
}

/** More bars than this are no stacked bars but a line; and bars of days must not take memory by the second. */
export const TIME_BARS_MAX = 2_000;

/** Whether stacked bars can be drawn: few enough, and nothing below zero. */
export function canStack(chart: Extract<TableChart, { kind: "time" }>): boolean {
  const { start, end } = spanOf(chart);
  return (end - start) / 1000 / chart.step <= TIME_BARS_MAX && chart.series.every((entry) => entry.values.every((value) => value === null || value >= 0));
}

function overTime(table: Shape, time: number, numbers: readonly string[]): TableChart | null {
  const groups = table.columns.map((name, index) => ({ name, index })).filter(({ name, index }) => index !== time && !numbers.includes(name));
  const points = new Map<string, Map<number, number>>();
  const times = new Set<number>();
  for (const row of table.rows) {
    const at = Date.parse(cellText(row[time])) / 1000;
    if (!Number.isFinite(at)) {
      continue;
    }
    times.add(at);
    const group = groups.map(({ index }) => named(table.columns[index], row[index])).join(" · ");
    numbers.forEach((number) => {
      const value = numberOf(row[table.columns.indexOf(number)]);
      const name = group === "" ? number : numbers.length > 1 ? `${group} · ${number}` : group;
      if (value !== null) {
        points.set(name, (points.get(name) ?? new Map<number, number>()).set(at, value));
      }
    });
  }
  if (times.size === 0) {
    return null;
  }
  const sorted = [...times].sort((a, b) => a - b);
  const total = (values: ReadonlyMap<number, number>) => [...values.values()].reduce((sum, value) => sum + Math.abs(value), 0);
  const greatest = [...points].sort((a, b) => total(b[1]) - total(a[1])).slice(0, SERIES_MAX);
  const styles = assignStyles(greatest.map(([name]) => name));
  const series = greatest.map(([name, values], index): TimeSeries => ({
    name,
    color: styles[index]?.color ?? PALETTE[0],
    dash: styles[index]?.dash ?? [],
    values: sorted.map((at) => values.get(at) ?? null),
  }));
  return { kind: "time", times: sorted, step: leastGap(sorted), series, left: points.size - series.length };
}

function bars(table: Shape, measure: string, numbers: readonly string[], ordered: boolean): TableChart | null {
  const at = table.columns.indexOf(measure);
  const names = table.columns.map((_, index) => index).filter((index) => !numbers.includes(table.columns[index] ?? ""));
  const all = table.rows.flatMap((row) => {
    const value = numberOf(row[at]);
    const keys = names.map((index) => ({ field: table.columns[index] ?? "", value: row[index] === null || row[index] === undefined ? null : cellText(row[index]) }));
    return value === null ? [] : [{ name: names.map((index) => named(table.columns[index], row[index])).join(" · "), value, keys }];
  });
  const shown = ordered ? all : [...all].sort((a, b) => b.value - a.value);
  return all.length === 0 ? null : { kind: "bars", measure, bars: shown.slice(0, BARS_MAX), left: Math.max(0, all.length - BARS_MAX) };
}

function named(column: string | undefined, cell: Cell | undefined): string {
  const text = cellText(cell);
  return (column === "level" && /^[0-7]$/.test(text) ? levelOf(text).name : text) || "(none)";
}

function numberOf(cell: Cell | undefined): number | null {
  return typeof cell === "number" && Number.isFinite(cell) ? cell : null;
}

function leastGap(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return gaps.length === 0 ? 60 : Math.max(0.001, Math.min(...gaps));
}
