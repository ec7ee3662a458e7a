// Prometheus' HTTP API, `/api/v1`. Contract: <https://prometheus.io/docs/prometheus/latest/querying/api/>.

import type { LabelSet } from "../lib/series";
import { getJson, type Answer, type Params } from "./client";

export type TextSample = readonly [time: number, value: string];

/** A native histogram as the API prints it. */
export interface HistogramSample {
  readonly count: string;
  readonly sum: string;
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

export type InstantResult =
  | { readonly resultType: "vector"; readonly result: readonly VectorEntry[] }
  | { readonly resultType: "matrix"; readonly result: readonly MatrixEntry[] }
  | { readonly resultType: "scalar" | "string"; readonly result: TextSample };

export interface RangeResult {
  readonly resultType: "matrix";
  readonly result: readonly MatrixEntry[];
}

/** An answer with what the engine wants said about it. */
export interface Told<T> {
  readonly data: T;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
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

/** `GET query`: one instant; `time` in Unix seconds. */
export function query(expr: string, time: number, signal?: AbortSignal): Promise<Answer<Told<InstantResult>>> {
  return get("query", { query: expr, time }, signal);
}

/** `GET query_range`: evenly spaced instants; all three times in seconds. */
export function queryRange(expr: string, start: number, end: number, step: number, signal?: AbortSignal): Promise<Answer<Told<RangeResult>>> {
  return get("query_range", { query: expr, start, end, step }, signal);
}

/** `GET targets`. */
export function targets(signal?: AbortSignal): Promise<Answer<Told<Targets>>> {
  return get("targets", {}, signal);
}

/** `GET rules`. */
export function rules(signal?: AbortSignal): Promise<Answer<Told<{ readonly groups: readonly RuleGroup[] }>>> {
  return get("rules", {}, signal);
}

/** `GET label/__name__/values`, at most `limit`. */
export function metricNames(limit: number, signal?: AbortSignal): Promise<Answer<Told<readonly string[]>>> {
  return get("label/__name__/values", { limit }, signal);
}

/** `GET metadata`: type and help by metric name. */
export function metadata(limit: number, signal?: AbortSignal): Promise<Answer<Told<Readonly<Record<string, readonly MetricMetadata[]>>>>> {
  return get("metadata", { limit }, signal);
}

interface Envelope<T> {
  readonly data: T;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

async function get<T>(path: string, params: Params, signal: AbortSignal | undefined): Promise<Answer<Told<T>>> {
  const answer = await getJson<Envelope<T>>(`v1/${path}`, params, signal);
  if (!answer.ok) {
    return answer;
  }
  const { data, warnings = [], infos = [] } = answer.value;
  return { ok: true, value: { data, warnings, infos } };
}
