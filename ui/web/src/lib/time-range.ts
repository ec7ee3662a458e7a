// Time ranges as the reader writes them, in the strings that Grafana puts into its addresses:
// `now-15m`, `now/d`, Unix milliseconds, RFC 3339 and local dates.

/** A range as written; `from` inclusive, `to` exclusive once resolved. */
export interface TimeRange {
  readonly from: string;
  readonly to: string;
}

/** A range in Unix milliseconds. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Resolved = { readonly ok: true; readonly span: Span } | { readonly ok: false; readonly edge: "from" | "to"; readonly message: string };

export type Zone = "local" | "utc";

export const DEFAULT_RANGE: TimeRange = { from: "now-15m", to: "now" };

/** The ranges of the picker, most used first. */
export const RELATIVE_RANGES: readonly (TimeRange & { readonly label: string })[] = [
  { label: "Last 5 minutes", from: "now-5m", to: "now" },
  { label: "Last 15 minutes", from: "now-15m", to: "now" },
  { label: "Last 30 minutes", from: "now-30m", to: "now" },
  { label: "Last 1 hour", from: "now-1h", to: "now" },
  { label: "Last 3 hours", from: "now-3h", to: "now" },
  { label: "Last 6 hours", from: "now-6h", to: "now" },
  { label: "Last 12 hours", from: "now-12h", to: "now" },
  { label: "Last 24 hours", from: "now-24h", to: "now" },
  { label: "Last 2 days", from: "now-2d", to: "now" },
  { label: "Last 7 days", from: "now-7d", to: "now" },
  { label: "Last 30 days", from: "now-30d", to: "now" },
  { label: "Today so far", from: "now/d", to: "now" },
  { label: "Yesterday", from: "now-1d/d", to: "now-1d/d" },
  { label: "This week so far", from: "now/w", to: "now" },
];

const SECOND = 1_000;
const UNIT_NAMES: Readonly<Record<string, string>> = { s: "second", m: "minute", h: "hour", d: "day", w: "week", M: "month", y: "year" };
const STEP = /([+-]\d{1,6}|\/)([smhdwMy])/y;
const LOCAL = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?$/;
const ZONED = /^\d{4}-\d{2}-\d{2}[ Tt]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})$/;

/**
 * Reads one edge of a range as Unix milliseconds, or `null` when it is no time.
 * `edge` decides where rounding goes: `now/d` is the day's start as `from`, its end as `to`.
 */
export function parseTime(text: string, now: number, edge: "from" | "to", zone: Zone = "local"): number | null {
  const trimmed = text.trim();
  if (trimmed === "now" || /^now[+\-/]/.test(trimmed)) {
    return parseRelative(trimmed, now, edge, zone);
  }
  if (/^-?\d{9,16}$/.test(trimmed)) {
    return Number(trimmed);
  }
  if (ZONED.test(trimmed)) {
    const time = Date.parse(trimmed.replace(" ", "T").replace(",", ".").toUpperCase());
    return Number.isNaN(time) ? null : time;
  }
  return parseLocal(trimmed, edge, zone);
}

/** Resolves both edges at `now`, and refuses a range that ends before it starts. */
export function resolveRange(range: TimeRange, now: number, zone: Zone = "local"): Resolved {
  const start = parseTime(range.from, now, "from", zone);
  if (start === null) {
    return { ok: false, edge: "from", message: notATime(range.from) };
  }
  const end = parseTime(range.to, now, "to", zone);
  if (end === null) {
    return { ok: false, edge: "to", message: notATime(range.to) };
  }
  if (end <= start) {
    return { ok: false, edge: "to", message: "The range ends before it starts: swap the two times." };
  }
  return { ok: true, span: { start, end } };
}

/** True when the range moves with the clock. */
export function isRelative(range: TimeRange): boolean {
  return range.from.startsWith("now") || range.to.startsWith("now");
}

/** Words for a range, as short as they can be: `Last 15 minutes`, `21 Nov 12:00 → 12:15`. */
export function rangeLabel(range: TimeRange, zone: Zone = "local"): string {
  const known = RELATIVE_RANGES.find((entry) => entry.from === range.from && entry.to === range.to);
  if (known) {
    return known.label;
  }
  const last = /^now-(\d+)([smhdwMy])$/.exec(range.from);
  if (last && range.to === "now") {
    const count = Number(last[1]);
    return `Last ${count} ${UNIT_NAMES[last[2] ?? ""] ?? ""}${count === 1 ? "" : "s"}`;
  }
  const from = edgeLabel(range.from, zone);
  const to = edgeLabel(range.to, zone);
  const day = from.lastIndexOf(" ");
  const sameDay = day > 0 && from.slice(0, day) === to.slice(0, to.lastIndexOf(" "));
  return `${from} → ${sameDay ? to.slice(to.lastIndexOf(" ") + 1) : to}`;
}

/** The range as Unix milliseconds, in the form that goes into an address. */
export function absoluteRange(span: Span): TimeRange {
  return { from: String(Math.floor(span.start)), to: String(Math.ceil(span.end)) };
}

/** Twice the span around the same middle, not beyond `now` unless it was already there. */
export function zoomOut(span: Span, now: number): Span {
  const width = span.end - span.start;
  const end = span.end + width / 2;
  const limit = Math.max(now, span.end);
  return end > limit ? { start: limit - 2 * width, end: limit } : { start: span.start - width / 2, end };
}

/** What goes to the clipboard; Grafana's `t c` writes the same. */
export function copyRange(range: TimeRange): string {
  return JSON.stringify({ from: range.from, to: range.to });
}

/** Reads a copied range: Grafana's JSON, or two times with `to`, `→` or `/` between spaces. */
export function pasteRange(text: string, now: number): TimeRange | null {
  const pair = pastedPair(text.trim());
  if (!pair) {
    return null;
  }
  const range = { from: pair[0].trim(), to: pair[1].trim() };
  return resolveRange(range, now).ok ? range : null;
}

/** `2026-11-21 12:03:11`, the form the absolute fields show and take back. */
export function formatAbsolute(ms: number, zone: Zone = "local"): string {
  const [year, month, day, hour, minute, second] = civil(ms, zone);
  return `${pad(year, 4)}-${pad(month + 1)}-${pad(day)} ${pad(hour)}:${pad(minute)}:${pad(second)}`;
}

function pastedPair(text: string): [string, string] | null {
  if (text.startsWith("{")) {
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && "from" in value && "to" in value) {
        return [String(value.from), String(value.to)];
      }
    } catch {
      return null;
    }
    return null;
  }
  const parts = text.split(/\s+(?:to|→|-|\/)\s+/);
  return parts.length === 2 ? [parts[0] ?? "", parts[1] ?? ""] : null;
}

function notATime(text: string): string {
  return `\`${text}\` is not a time: write now-15m, 2026-11-21 12:00 or an RFC 3339 time.`;
}

function parseRelative(text: string, now: number, edge: "from" | "to", zone: Zone): number | null {
  let time = now;
  STEP.lastIndex = "now".length;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (!match) {
      return null;
    }
    const [, amount = "", unit = ""] = match;
    time = amount === "/" ? round(time, unit, edge, zone) : shift(time, Number(amount), unit, zone);
  }
  return Number.isFinite(time) ? time : null;
}

function shift(ms: number, amount: number, unit: string, zone: Zone): number {
  switch (unit) {
    case "s":
      return ms + amount * SECOND;
    case "m":
      return ms + amount * 60 * SECOND;
    case "h":
      return ms + amount * 3_600 * SECOND;
    case "d":
    case "w": {
      const [year, month, day, hour, minute, second] = civil(ms, zone);
      const days = unit === "w" ? amount * 7 : amount;
      return fromCivil([year, month, day + days, hour, minute, second], zone) + (ms % SECOND);
    }
    default: {
      const [year, month, day, hour, minute, second] = civil(ms, zone);
      const months = unit === "y" ? amount * 12 : amount;
      // The 31st minus one month is the last day of the shorter month.
      const lastDay = new Date(Date.UTC(year, month + months + 1, 0)).getUTCDate();
      return fromCivil([year, month + months, Math.min(day, lastDay), hour, minute, second], zone) + (ms % SECOND);
    }
  }
}

function round(ms: number, unit: string, edge: "from" | "to", zone: Zone): number {
  const [year, month, day, hour, minute, second] = civil(ms, zone);
  const up = edge === "to" ? 1 : 0;
  const start = (parts: Civil) => fromCivil(parts, zone);
  switch (unit) {
    case "s":
      return start([year, month, day, hour, minute, second + up]);
    case "m":
      return start([year, month, day, hour, minute + up, 0]);
    case "h":
      return start([year, month, day, hour + up, 0, 0]);
    case "d":
      return start([year, month, day + up, 0, 0, 0]);
    case "w": {
      const weekday = (new Date(Date.UTC(year, month, day)).getUTCDay() + 6) % 7; // Monday is 0
      return start([year, month, day - weekday + up * 7, 0, 0, 0]);
    }
    case "M":
      return start([year, month + up, 1, 0, 0, 0]);
    default:
      return start([year + up, 0, 1, 0, 0, 0]);
  }
}

type Civil = readonly [year: number, month: number, day: number, hour: number, minute: number, second: number];

function civil(ms: number, zone: Zone): Civil {
  const date = new Date(ms);
  return zone === "utc"
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
}

function fromCivil(parts: Civil, zone: Zone): number {
  return zone === "utc" ? Date.UTC(...parts) : new Date(...parts).getTime();
}

function parseLocal(text: string, edge: "from" | "to", zone: Zone): number | null {
  const match = LOCAL.exec(text);
  if (!match) {
    return null;
  }
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => (part === undefined ? 0 : Number(part))) as unknown as Civil;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59) {
    return null;
  }
  const fraction = Number(`0.${match[7] ?? "0"}`) * SECOND;
  const start = fromCivil([year, month - 1, day, hour, minute, second], zone);
  const wholeDay = match[4] === undefined && edge === "to";
  return wholeDay ? fromCivil([year, month - 1, day + 1, 0, 0, 0], zone) : start + Math.floor(fraction);
}

function edgeLabel(text: string, zone: Zone): string {
  const ms = /^-?\d{9,16}$/.test(text) || ZONED.test(text) ? parseTime(text, 0, "from", zone) : null;
  if (ms === null) {
    return text;
  }
  const full = formatAbsolute(ms, zone);
  return full.endsWith(":00") ? full.slice(0, -3) : full;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}
