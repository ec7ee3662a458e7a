// Log endpoints under `/api/watchfire/v1/logs`.

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

/** What an answer cost. */
export interface Cost {
  readonly elapsed_ms: number;
  readonly granules: number;
  readonly granules_pruned: number;
  readonly granules_read: number;
  readonly records_scanned: number;
  readonly bytes_read: number;
}

export interface SearchPage {
  /** Newest first. */
  readonly records: readonly LogRecord[];
  readonly next_cursor: string | null;
  /** What is missing from the answer, in words. */
  readonly partial: readonly string[];
  readonly stats: Cost;
}

export interface Histogram {
  /** Unix seconds of the first bar. */
  readonly start: number;
  /** Seconds a bar covers. */
  readonly step: number;
  readonly total: number;
  readonly series: readonly CountSeries[];
  readonly partial: readonly string[];
  readonly stats: Cost;
}

export interface FieldSummary {
  readonly name: string;
  readonly types: readonly string[];
  readonly records: number;
  readonly values: readonly { readonly value: string; readonly records: number }[];
}

export interface Fields {
  readonly fields: readonly FieldSummary[];
  readonly partial: readonly string[];
  readonly stats: Cost;
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
export function search(query: LogQuery, cursor: string | null, signal?: AbortSignal): Promise<Answer<SearchPage>> {
  return getJson("watchfire/v1/logs/search", { ...spanned(query), limit: PAGE_RECORDS, cursor }, signal);
}

/** `GET logs/histogram` by level; `step` in seconds. */
export function histogram(query: LogQuery, step: number, signal?: AbortSignal): Promise<Answer<Histogram>> {
  return getJson("watchfire/v1/logs/histogram", { ...spanned(query), step, by: "level" }, signal);
}

/** `GET logs/fields` with the top values of each. */
export function fields(query: LogQuery, values: number, signal?: AbortSignal): Promise<Answer<Fields>> {
  return getJson("watchfire/v1/logs/fields", { ...spanned(query), values }, signal);
}

export interface TailHandlers {
  onRecords(records: readonly LogRecord[]): void;
  onLost(records: number): void;
  /** `true` once events flow, `false` while the browser tries again. */
  onConnected(connected: boolean): void;
}

/** How long to wait before a tail is opened again that the server or a proxy refused, in milliseconds. */
const REOPEN_MS = 3_000;

/** `GET logs/tail`, Server-Sent Events; returns what ends it. */
export function tail(query: string, handlers: TailHandlers): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource(apiUrl("watchfire/v1/logs/tail", { query }));
    source.onopen = () => handlers.onConnected(true);
    source.onerror = () => {
      handlers.onConnected(false);
      // After a broken connection the browser tries again by itself, after an error answer it gives up.
      if (source.readyState === EventSource.CLOSED) {
        timer = setTimeout(open, REOPEN_MS);
      }
    };
    source.addEventListener("records", (event: MessageEvent<string>) => handlers.onRecords(JSON.parse(event.data) as LogRecord[]));
    source.addEventListener("lost", (event: MessageEvent<string>) => handlers.onLost((JSON.parse(event.data) as { records: number }).records));
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

function spanned({ query, start, end }: LogQuery) {
  return { query, start: new Date(start).toISOString(), end: new Date(end).toISOString() };
}
