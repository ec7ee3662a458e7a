// A native histogram as rows of buckets, for tables and bars.

import type { BucketRule, HistogramSample } from "../api/prometheus";
import { sample } from "./format";
import { parseSample } from "./series";

export interface Bucket {
  /** `(0.5, 1]`: a round bracket leaves its bound out. */
  readonly range: string;
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Of all observations, 0 to 1. */
  readonly share: number;
  /** Of the fullest bucket, 0 to 1: the length of its bar. */
  readonly fill: number;
}

/** What a histogram holds besides its buckets. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  /** `null` without observations. */
  readonly mean: number | null;
}

export function summary(histogram: HistogramSample): Summary {
  const count = parseSample(histogram.count);
  const sum = parseSample(histogram.sum);
  return { count, sum, mean: count === 0 || Number.isNaN(sum / count) ? null : sum / count };
}

export function buckets(histogram: HistogramSample): readonly Bucket[] {
  const total = parseSample(histogram.count);
  const rows = (histogram.buckets ?? []).map(([rule, lower, upper, count]) => ({ rule, lower: parseSample(lower), upper: parseSample(upper), count: parseSample(count) }));
  const fullest = Math.max(0, ...rows.map((row) => row.count));
  return rows.map(({ rule, lower, upper, count }) => ({
    range: rangeText(rule, lower, upper),
    lower,
    upper,
    count,
    share: total > 0 ? count / total : 0,
    fill: fullest > 0 ? Math.max(0, count) / fullest : 0,
  }));
}

/** `count 12, mean 0.25, sum 3`. */
export function summaryText(histogram: HistogramSample): string {
  const { count, sum, mean } = summary(histogram);
  return `count ${sample(count)}${mean === null ? "" : `, mean ${sample(mean)}`}, sum ${sample(sum)}`;
}

function rangeText(rule: BucketRule, lower: number, upper: number): string {
  const [open, close] = ([["(", "]"], ["[", ")"], ["(", ")"], ["[", "]"]] as const)[rule];
  return `${open}${sample(lower)}, ${sample(upper)}${close}`;
}
