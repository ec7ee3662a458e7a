// Records of a list that grows at both ends: older ones by page, newer ones from the live tail.

import type { LogRecord } from "../api/logs";

/** The most live records kept; beyond it the oldest of them go and are counted. */
export const LIVE_RECORDS_MAX = 5_000;

export interface Tail {
  /** Newest first: what the reader sees above the searched records. */
  readonly shown: readonly LogRecord[];
  /** Newest first: what arrived while the reader was looking elsewhere. */
  readonly waiting: readonly LogRecord[];
  /** Records that the server or this list let go. */
  readonly lost: number;
}

export const EMPTY_TAIL: Tail = { shown: [], waiting: [], lost: 0 };

/** Adds arrivals (in any order). `hold` keeps them waiting, so that nothing under the reader's eyes moves. */
export function receive(tail: Tail, arrivals: readonly LogRecord[], hold: boolean): Tail {
  const known = new Set([...tail.shown, ...tail.waiting].map((record) => record.id));
  const fresh = arrivals.filter((record) => !known.has(record.id)).sort(newestFirst);
  if (fresh.length === 0) {
    return tail;
  }
  const waiting = [...fresh, ...tail.waiting];
  return hold ? bounded({ ...tail, waiting }) : bounded({ ...tail, shown: [...waiting, ...tail.shown], waiting: [] });
}

/** Shows what waits. */
export function release(tail: Tail): Tail {
  return tail.waiting.length === 0 ? tail : bounded({ ...tail, shown: [...tail.waiting, ...tail.shown], waiting: [] });
}

/** The whole list, newest first, each record once. */
export function merge(tail: Tail, searched: readonly LogRecord[]): readonly LogRecord[] {
  if (tail.shown.length === 0) {
    return searched;
  }
  const live = new Set(tail.shown.map((record) => record.id));
  const rest = searched.filter((record) => !live.has(record.id));
  const merged: LogRecord[] = [];
  let next = 0;
  for (const record of tail.shown) {
    for (; next < rest.length && newestFirst(rest[next] ?? record, record) < 0; next += 1) {
      merged.push(rest[next] ?? record);
    }
    merged.push(record);
  }
  return [...merged, ...rest.slice(next)];
}

/** Fields that name where a record came from, best first. */
const SOURCE_FIELDS = ["service", "container_name", "app", "application_name", "facility"] as const;

/** What the source column shows: the service, container or application, else the host. */
export function sourceOf(record: LogRecord): { readonly field: string; readonly value: string } {
  for (const field of SOURCE_FIELDS) {
    const value = record.fields[field];
    if (value !== undefined && value !== "") {
      return { field, value: String(value) };
    }
  }
  return { field: "host", value: record.host };
}

/** Fields that say which container wrote a record, in the server's order. */
const CONTAINER_FIELDS = ["container_id", "kubernetes.pod_name", "k8s.pod.name", "pod_name", "container_name", "container"] as const;

/** The field and value that all records of this record's container have; `null` for one that came from no container. */
export function containerOf(record: LogRecord): { readonly field: string; readonly value: string } | null {
  const field = CONTAINER_FIELDS.find((name) => record.fields[name] !== undefined && record.fields[name] !== "");
  return field === undefined ? null : { field, value: String(record.fields[field]) };
}

/** Records taken in between two showings; a faster stream is shown in part, and says so. */
export const GATHERED_MAX = 2_000;

/** What came since the last showing: the newest `GATHERED_MAX` records and how many were let go. */
export interface Gathered {
  readonly records: readonly LogRecord[];
  readonly lost: number;
}

export const NOTHING_GATHERED: Gathered = { records: [], lost: 0 };

export function gather(before: Gathered, arrivals: readonly LogRecord[]): Gathered {
  const over = Math.max(0, before.records.length + arrivals.length - GATHERED_MAX);
  return { records: [...before.records, ...arrivals].slice(over), lost: before.lost + over };
}

/** Characters of a line that lists draw; the rest shows when the record is opened. */
export const LINE_MAX = 600;

/** A record in one line: its message, or its fields where a pipe left it none. */
export function lineOf(record: LogRecord): string {
  const text = record.message.slice(0, LINE_MAX).trimEnd();
  if (text === "") {
    return Object.entries(record.fields)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(" ")
      .slice(0, LINE_MAX);
  }
  return text.includes("\n") ? text.replace(/\s*\n\s*/g, " ↵ ") : text;
}

/** A field's text by name, the record's own columns included. */
export function fieldText(record: LogRecord, name: string): string {
  switch (name) {
    case "host":
      return record.host;
    case "stream":
      return record.stream;
    case "level":
      return record.level === null ? "" : String(record.level);
    case "message":
      return record.message;
    default:
      return String(record.fields[name] ?? "");
  }
}

function newestFirst(a: LogRecord, b: LogRecord): number {
  return a.time < b.time ? 1 : a.time > b.time ? -1 : 0;
}

function bounded(tail: Tail): Tail {
  const over = (list: readonly LogRecord[]) => Math.max(0, list.length - LIVE_RECORDS_MAX);
  const dropped = over(tail.shown) + over(tail.waiting);
  return dropped === 0
    ? tail
    : {
        shown: tail.shown.slice(0, LIVE_RECORDS_MAX),
        waiting: tail.waiting.slice(0, LIVE_RECORDS_MAX),
        lost: tail.lost + dropped,
      };
}
