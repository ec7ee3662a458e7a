// Native histograms over time as cells of a picture: time to the right, buckets upwards, how full a bucket is as its depth.

import type { MatrixEntry } from "../api/prometheus";
import { parseSample } from "./series";

export interface Heatmap {
  /** Unix seconds of the first column. */
  readonly start: number;
  /** Seconds between columns. */
  readonly step: number;
  readonly columns: number;
  /** Bounds of the rows from the lowest up: one more than there are rows. */
  readonly bounds: readonly number[];
  /** Observations by row, then column. */
  readonly cells: readonly Float64Array[];
  /** Of the fullest cell. */
  readonly most: number;
}

/** Rows at most: neighbouring buckets share one beyond that. */
const ROWS_MAX = 64;

/**
 * The histograms of all series added up, on the grid `start, start + step, … ≤ end` (seconds); `null` when there are none.
 * A bucket that spans several rows is shared among them evenly, so that series of different resolutions stand together.
 */
export function heatmap(entries: readonly MatrixEntry[], start: number, end: number, step: number): Heatmap | null {
  const points = entries.flatMap((entry) => entry.histograms ?? []);
  const distinct = new Set<number>();
  for (const [, { buckets = [] }] of points) {
    for (const [, lower, upper] of buckets) {
      distinct.add(parseSample(lower)).add(parseSample(upper));
    }
  }
  const all = [...distinct].sort((a, b) => a - b);
  if (all.length < 2) {
    return null;
  }
  const each = Math.ceil((all.length - 1) / ROWS_MAX);
  const bounds = all.filter((_, index) => index % each === 0 || index === all.length - 1);
  const rowOf = new Map(all.map((bound, index) => [bound, Math.min(bounds.length - 1, Math.floor(index / each))]));

  const columns = Math.max(1, Math.floor((end - start) / step + 1e-9) + 1);
  const cells = Array.from({ length: bounds.length - 1 }, () => new Float64Array(columns));
  let most = 0;
  for (const [time, { buckets = [] }] of points) {
    const column = Math.round((time - start) / step);
    if (column < 0 || column >= columns) {
      continue;
    }
    for (const [, lower, upper, text] of buckets) {
      const low = Math.min(cells.length - 1, rowOf.get(parseSample(lower)) ?? 0);
      const high = Math.max(low + 1, rowOf.get(parseSample(upper)) ?? 0);
      const share = Math.max(0, parseSample(text)) / (high - low);
      for (const cell of cells.slice(low, high)) {
        const value = (cell[column] ?? 0) + share;
        cell[column] = value;
        most = Math.max(most, value);
      }
    }
  }
  return { start, step, columns, bounds, cells, most };
}
