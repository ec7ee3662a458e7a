// Prometheus' HTTP API, `/api/v1`. Contract: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

import type { LabelSet } from "../lib/series";
import { getJson, getLines, type Answer, type Params } from "./client";

export type TextSample = readonly [time: number, value: string];

/** Which bounds belong to a bucket: 0 the upper, 1 the lower, 2 none, 3 both. */
export type BucketRule = 0 | 1 | 2 | 3;

/** A native histogram as the API prints it; only buckets that hold something, in order of their bounds. */
export interface HistogramSample {
  readonly count: string;
  readonly sum: string;
  readonly buckets?: readonly (readonly [rule: BucketRule, lower: string, upper: string, count: string])[];
}

export interface VectorEntry {
  readonly metric: LabelSet;
  readonly value?: TextSample;
  readonly histogram?: readonly [time: number, histogram: HistogramSample];
}

export interface MatrixEntry {
  readonly metric: LabelSet;
  readonly values?: readonly TextSample[];
  readonly histograms?: readonly (readonly [time: number, histogram: HistogramSample])[];
}

export type InstantResult = { readonly stats?: QueryStats } & (
  | { readonly resultType: "vector"; readonly result: readonly VectorEntry[] }
  | { readonly resultType: "matrix"; readonly result: readonly MatrixEntry[] }
  | { readonly resultType: "scalar" | "string"; readonly result: TextSample }
);

export interface RangeResult {
  readonly resultType: "matrix";
  readonly result: readonly MatrixEntry[];
  readonly stats?: QueryStats;
}

/** What a query took. A server leaves out what it does not count. */
export interface QueryStats {
  /** Seconds. */
  readonly timings?: { readonly evalTotalTime?: number; readonly execQueueTime?: number; readonly execTotalTime?: number };
  readonly samples?: { readonly totalQueryableSamples?: number; readonly peakSamples?: number };
  /** The most memory held at a time, in bytes. */
  readonly peakBytes?: number;
}

/** An answer with what the engine wants said about it. */
export interface Told<T> {
  readonly data: T;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

export interface Exemplar {
  readonly labels: LabelSet;
  readonly value: string;
  /** Unix seconds. */
  readonly timestamp: number;
}

export interface SeriesExemplars {
  readonly seriesLabels: LabelSet;
  readonly exemplars: readonly Exemplar[];
}

export interface Target {
  readonly labels: LabelSet;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly globalUrl?: string;
  readonly lastError: string;
  /** RFC 3339; the year 1 when never scraped. */
  readonly lastScrape: string;
  /** Seconds. */
  readonly lastScrapeDuration: number;
  readonly health: "up" | "down" | "unknown";
  readonly scrapeInterval: string;
  readonly scrapeTimeout: string;
}

export interface Targets {
  readonly activeTargets: readonly Target[];
  readonly droppedTargets?: readonly unknown[];
  readonly droppedTargetCounts?: Readonly<Record<string, number>>;
}

export interface Alert {
  readonly labels: LabelSet;
  readonly annotations: LabelSet;
  readonly state: "pending" | "firing";
  /** RFC 3339. */
  readonly activeAt?: string;
  readonly value: string;
}

export interface AlertingRule {
  readonly type: "alerting";
  readonly name: string;
  readonly query: string;
  /** Seconds. */
  readonly duration: number;
  readonly keepFiringFor?: number;
  readonly labels?: LabelSet;
  readonly annotations?: LabelSet;
  readonly alerts?: readonly Alert[];
  readonly state: "firing" | "pending" | "inactive" | "unknown";
  readonly health: string;
  readonly lastError?: string;
  /** Seconds. */
  readonly evaluationTime?: number;
  readonly lastEvaluation?: string;
}

export interface RecordingRule {
  readonly type: "recording";
  readonly name: string;
  readonly query: string;
  readonly labels?: LabelSet;
  readonly health: string;
  readonly lastError?: string;
  readonly evaluationTime?: number;
  readonly lastEvaluation?: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly file: string;
  /** Seconds. */
  readonly interval: number;
  readonly rules: readonly (AlertingRule | RecordingRule)[];
}

export interface MetricMetadata {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

/** Any value but `all` asks for the sums alone, without a number for every step. */
const STATS = "true";

/** `GET query`: one instant; `time` in Unix seconds. */
export function query(expr: string, time: number, signal?: AbortSignal): Promise<Answer<Told<InstantResult>>> {
  return get("query", { query: expr, time, stats: STATS }, signal);
}

/** `GET query_range`: evenly spaced instants; all three times in seconds. */
export function queryRange(expr: string, start: number, end: number, step: number, signal?: AbortSignal): Promise<Answer<Told<RangeResult>>> {
  return get("query_range", { query: expr, start, end, step, stats: STATS }, signal);
}

/** `GET query_exemplars`: those of every series that the expression reads; times in seconds. */
export async function queryExemplars(expr: string, start: number, end: number, signal?: AbortSignal): Promise<Answer<Told<readonly SeriesExemplars[]>>> {
  const answer = await get<readonly SeriesExemplars[] | null>("query_exemplars", { query: expr, start, end }, signal);
  return answer.ok ? { ok: true, value: { ...answer.value, data: answer.value.data ?? [] } } : answer;
}

/** `GET targets`. */
export function targets(signal?: AbortSignal): Promise<Answer<Told<Targets>>> {
  return get("targets", {}, signal);
}

/** `GET rules`. */
export function rules(signal?: AbortSignal): Promise<Answer<Told<{ readonly groups: readonly RuleGroup[] }>>> {
  return get("rules", {}, signal);
}

/** Which series a list of names is about: those that match and have samples in the range, in seconds. */
export interface Scope {
  readonly match: string | null;
  readonly start: number;
  readonly end: number;
}

/** `GET label/NAME/values`, at most `limit`; a name of any characters. */
export function labelValues(name: string, { match, start, end }: Scope, limit: number, signal?: AbortSignal): Promise<Answer<Told<readonly string[]>>> {
  return get(`label/${pathName(name)}/values`, { "match[]": match, start, end, limit }, signal);
}

/** `GET labels`. */
export function labelNames({ match, start, end }: Scope, limit: number, signal?: AbortSignal): Promise<Answer<Told<readonly string[]>>> {
  return get("labels", { "match[]": match, start, end, limit }, signal);
}

/** `GET search/metric_names`: names like the words, the likest first, a JSON value a line; the last line says whether there are more. */
export function searchMetricNames(words: string, { start, end }: Scope, limit: number, signal?: AbortSignal): Promise<Answer<readonly unknown[]>> {
  // Letters are found in their order with others between them, and no name holds a space.
  const found = words.trim() === "" ? {} : { "search[]": words.replace(/\s+/g, ""), sort_by: "score" };
  return getLines("v1/search/metric_names", { ...found, case_sensitive: "false", include_metadata: "true", start, end, limit, batch_size: limit }, signal);
}

/** `GET metadata`: type and help by metric name; `metric` asks for one alone. */
export function metadata(limit: number, metric: string | null, signal?: AbortSignal): Promise<Answer<Told<Readonly<Record<string, readonly MetricMetadata[]>>>>> {
  return get("metadata", { limit, metric }, signal);
}

/** A label's name in a path: one that is no plain name is escaped as Prometheus does, for no path holds every character. */
function pathName(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return name;
  }
  const escaped = [...name].map((char) => (/[A-Za-z0-9]/.test(char) ? char : char === "_" ? "__" : `_${(char.codePointAt(0) ?? 0).toString(16)}_`));
  return `U__${escaped.join("")}`;
}

interface Envelope<T> {
  readonly data: T;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

async function get<T>(path: string, params: Params, signal: AbortSignal | undefined): Promise<Answer<Told<T>>> {
  // An expression that reads no series is answered without a body where exemplars are asked for.
  const answer = await getJson<Envelope<T> | null>(`v1/${path}`, params, signal);
  if (!answer.ok) {
    return answer;
  }
  const { data, warnings = [], infos = [] } = answer.value ?? { data: null as T };
  return { ok: true, value: { data, warnings, infos } };
}
