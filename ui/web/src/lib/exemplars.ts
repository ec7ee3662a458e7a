// Exemplars: single measurements that stand for others, as marks on a chart and rows of a table.

import type { SeriesExemplars } from "../api/prometheus";
import { quoted } from "./log-query";
import { parseSample, type LabelSet } from "./series";

export interface ExemplarMark {
  /** Unix seconds. */
  readonly time: number;
  readonly value: number;
  /** Of the series that it belongs to. */
  readonly series: LabelSet;
  readonly labels: LabelSet;
}

/** Labels under which tracers put the id of a trace. */
const TRACE_LABEL = /^trace[._-]?id$/i;
/** Logs are looked for so long before and after the measurement, in milliseconds. */
const AROUND_MS = 600_000;

/** All exemplars in order of time, those of several expressions once; without a finite value there is no place for one. */
export function exemplarMarks(answers: readonly (readonly SeriesExemplars[])[]): readonly ExemplarMark[] {
  const seen = new Map<string, ExemplarMark>();
  for (const { seriesLabels, exemplars } of answers.flat()) {
    for (const { labels, value, timestamp } of exemplars) {
      const mark = { time: timestamp, value: parseSample(value), series: seriesLabels, labels };
      if (Number.isFinite(mark.value)) {
        seen.set(JSON.stringify([seriesLabels, labels, value, timestamp]), mark);
      }
    }
  }
  return [...seen.values()].sort((a, b) => a.time - b.time);
}

/**
 * At most `columns` marks per `rows`: of those that would fall on each other, the greatest value stays,
 * for outliers are what one looks for. The span is in seconds.
 */
export function thinned(marks: readonly ExemplarMark[], start: number, end: number, columns: number, rows: number): readonly ExemplarMark[] {
  const inside = marks.filter((mark) => mark.time >= start && mark.time <= end);
  const low = Math.min(...inside.map((mark) => mark.value));
  const high = Math.max(...inside.map((mark) => mark.value));
  const kept = new Map<string, ExemplarMark>();
  for (const mark of inside) {
    const cell = `${cellOf(mark.time, start, end, columns)} ${cellOf(mark.value, low, high, rows)}`;
    const other = kept.get(cell);
    if (!other || other.value < mark.value) {
      kept.set(cell, mark);
    }
  }
  return [...kept.values()].sort((a, b) => a.time - b.time);
}

/** Which of `cells` equal parts of a range a value falls into; the range's end is in the last. */
function cellOf(value: number, start: number, end: number, cells: number): number {
  return end > start ? Math.min(cells - 1, Math.floor(((value - start) / (end - start)) * cells)) : 0;
}

/** The search for a trace's records around the time of the measurement; `null` when no label names a trace. */
export function traceSearch(mark: ExemplarMark): { readonly label: string; readonly query: string; readonly from: string; readonly to: string } | null {
  const [label, id] = Object.entries(mark.labels).find(([name, value]) => TRACE_LABEL.test(name) && value !== "") ?? [];
  const time = Math.round(mark.time * 1000);
  return label === undefined || id === undefined ? null : { label, query: quoted(id), from: String(time - AROUND_MS), to: String(time + AROUND_MS) };
}
