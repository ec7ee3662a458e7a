// Log endpoints under `/api/watchfire/v1/logs` that answer once. The stream of new records is in tail.ts, saved searches in saved.ts.

import type { CountSeries } from "../lib/histogram";
import { apiUrl, getJson, type Answer } from "./client";

export type FieldValue = string | number | boolean;

export interface LogRecord {
  /** Unique, stable between queries. */
  readonly id: string;
  /** RFC 3339 with nanoseconds: when it happened. */
  readonly time: string;
  /** RFC 3339 with nanoseconds: when it arrived. */
  readonly received: string;
  readonly stream: string;
  readonly host: string;
  /** Syslog severity, 0 to 7. */
  readonly level: number | null;
  readonly message: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** What an answer cost. A granule is a run of records with an index of its own. */
export interface Cost {
  readonly elapsed_ms: number;
  readonly granules: number;
  /** Left out because of the index. */
  readonly granules_pruned: number;
  /** Answered from what the index knows of them. */
  readonly granules_summed: number;
  readonly granules_read: number;
  /** Read, but without a match. */
  readonly granules_false: number;
  readonly records_scanned: number;
  readonly bytes_read: number;
  readonly planning_ms: number;
  readonly filtering_ms: number;
  readonly collecting_ms: number;
}

/** What every answer says of itself. */
export interface Told {
  /** What is missing from the answer, in words. */
  readonly partial: readonly string[];
  readonly stats: Cost;
}

export type Order = "newest" | "oldest";

export interface SearchPage extends Told {
  /** In the order that was asked for. */
  readonly records: readonly LogRecord[];
  readonly next_cursor: string | null;
}

export interface Histogram extends Told {
  /** Unix seconds of the first bar. */
  readonly start: number;
  /** Seconds a bar covers. */
  readonly step: number;
  readonly total: number;
  readonly series: readonly CountSeries[];
}

export interface FieldSummary {
  readonly name: string;
  readonly types: readonly string[];
  readonly records: number;
  readonly values: readonly { readonly value: string; readonly records: number }[];
}

export interface Fields extends Told {
  readonly fields: readonly FieldSummary[];
}

/** A cell of a table; times are RFC 3339 text. */
export type Cell = FieldValue | null | readonly Cell[];

export type ColumnType = "time" | "number" | "text" | "mixed";

/** The rows that a query with `stats` or another summing pipe gives. */
export interface Table extends Told {
  readonly columns: readonly string[];
  readonly types: readonly ColumnType[];
  readonly rows: readonly (readonly Cell[])[];
  /** More rows exist than were asked for. */
  readonly truncated: boolean;
}

/** What surrounding records share with the one in the middle: `container`, `host`, `stream`, `any` or the name of a field. */
export type Same = string;

export interface Surroundings extends Told {
  /** What all of them have in common. */
  readonly same: readonly { readonly field: string; readonly value: string }[];
  /** Each in time order. */
  readonly before: readonly LogRecord[];
  readonly record: LogRecord;
  readonly after: readonly LogRecord[];
}

export interface Plan {
  /** The query printed in full. */
  readonly query: string;
  readonly stages: readonly { readonly stage: string; readonly detail: string }[];
}

/** A query over a span; `start` and `end` in Unix milliseconds. */
export interface LogQuery {
  readonly query: string;
  readonly start: number;
  readonly end: number;
}

/** Records a page of a search holds. */
export const PAGE_RECORDS = 200;

/** `GET logs/search`. */
export function search(query: LogQuery, order: Order, cursor: string | null, signal?: AbortSignal): Promise<Answer<SearchPage>> {
  return getJson("watchfire/v1/logs/search", { ...spanned(query), order: ordered(order), limit: PAGE_RECORDS, cursor }, signal);
}

/** `GET logs/histogram`, split by a field where `by` names one; `step` in seconds. */
export function histogram(query: LogQuery, step: number, by: string, signal?: AbortSignal): Promise<Answer<Histogram>> {
  return getJson("watchfire/v1/logs/histogram", { ...spanned(query), step, by: by === "" ? null : by }, signal);
}

/** `GET logs/fields` with the top values of each, or of those in `names` alone. */
export function fields(query: LogQuery, values: number, names: readonly string[] | null, signal?: AbortSignal): Promise<Answer<Fields>> {
  return getJson("watchfire/v1/logs/fields", { ...spanned(query), values, names: names?.join(",") }, signal);
}

/** `GET logs/stats`: the rows of a query with pipes, at most `limit`. */
export function stats(query: LogQuery, limit: number, signal?: AbortSignal): Promise<Answer<Table>> {
  return getJson("watchfire/v1/logs/stats", { ...spanned(query), limit }, signal);
}

/** `GET logs/context`: what was logged around a record; `before` and `after` count records. */
export function context(id: string, same: Same, before: number, after: number, signal?: AbortSignal): Promise<Answer<Surroundings>> {
  return getJson("watchfire/v1/logs/context", { id, same, before, after }, signal);
}

/** `GET logs/explain`: how the query would be answered. */
export function explain(query: string, signal?: AbortSignal): Promise<Answer<Plan>> {
  return getJson("watchfire/v1/logs/explain", { query }, signal);
}

/** The address of `GET logs/export`; `fields` empty exports all of them. */
export function exportUrl(query: LogQuery, format: "ndjson" | "csv", order: Order, fields: readonly string[]): string {
  return apiUrl("watchfire/v1/logs/export", { ...spanned(query), format, order: ordered(order), fields: fields.length > 0 ? fields.join(",") : null });
}

function spanned({ query, start, end }: LogQuery) {
  return { query, start: new Date(start).toISOString(), end: new Date(end).toISOString() };
}

/** The server's own order is not said. */
function ordered(order: Order): Order | null {
  return order === "newest" ? null : order;
}
