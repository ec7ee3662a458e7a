// Numbers and times as the page prints them.

import type { Zone } from "./time-range";

const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SI: readonly (readonly [number, string])[] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `12,345`. */
export function count(value: number): string {
  return GROUPED.format(value);
}

/** `987`, `8.1k`, `12M`: at most four characters and a unit. */
export function compact(value: number): string {
  const size = Math.abs(value);
  for (const [factor, unit] of SI) {
    if (size >= factor * 0.9995) {
      const scaled = value / factor;
      return `${Math.abs(scaled) < 9.95 ? scaled.toFixed(1).replace(/\.0$/, "") : Math.round(scaled)}${unit}`;
    }
  }
  return Number.isInteger(value) ? String(value) : value.toPrecision(2).replace(/\.0+$/, "");
}

/** `512 B`, `1.5 MiB`. */
export function bytes(value: number): string {
  const unit = byteUnit(value);
  const scaled = value / 1024 ** unit;
  return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1).replace(/\.0$/, "")} ${BYTE_UNITS[unit] ?? ""}`;
}

/** `1.2 of 4.0 GiB`: both in the whole's unit, with a decimal that stays while the part grows. */
export function bytesOf(part: number, whole: number): string {
  const unit = byteUnit(whole);
  const digits = unit === 0 || whole / 1024 ** unit >= 100 ? 0 : 1;
  const [done, all] = [part, whole].map((value) => (value / 1024 ** unit).toFixed(digits));
  return `${done} of ${all} ${BYTE_UNITS[unit] ?? ""}`;
}

/** A length of time from milliseconds: `0.4 ms`, `38 ms`, `1.2 s`, `3 m 5 s`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1) {
    return `${ms.toFixed(1)} ms`;
  }
  if (ms < 999.5) {
    return `${ms < 10 ? ms.toFixed(1).replace(/\.0$/, "") : Math.round(ms)} ms`;
  }
  if (ms < 59_950) {
    return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  }
  const seconds = Math.round(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** How long ago: `now`, `12 s`, `3 m`, `5 h`, `2 d`; one unit, for narrow columns. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) {
    return "now";
  }
  if (seconds < 60) {
    return `${seconds} s`;
  }
  if (seconds < 3_600) {
    return `${Math.floor(seconds / 60)} m`;
  }
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** `12:03:11.482`. */
export function timeOfDay(ms: number, zone: Zone): string {
  const date = new Date(ms);
  const [hour, minute, second, milli] =
    zone === "utc"
      ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()]
      : [date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()];
  return `${two(hour)}:${two(minute)}:${two(second)}.${String(milli).padStart(3, "0")}`;
}

/** `11-21`, the day before a time of day where a range crosses midnight. */
export function monthDay(ms: number, zone: Zone): string {
  const date = new Date(ms);
  const [month, day] = zone === "utc" ? [date.getUTCMonth(), date.getUTCDate()] : [date.getMonth(), date.getDate()];
  return `${two(month + 1)}-${two(day)}`;
}

/** A sample's value: whole numbers in full up to nine digits, others to six significant digits. */
export function sample(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  }
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) {
    return value.toExponential(3).replace(/\.?0+e/, "e");
  }
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** A rate per second: `0/s`, `0.25/s`, `1.5k/s`. */
export function perSecond(value: number): string {
  const rounded = value !== 0 && Math.abs(value) < 100 ? Number(value.toPrecision(2)) : value;
  return `${Math.abs(rounded) < 1000 ? String(Math.abs(rounded) < 100 ? rounded : Math.round(rounded)) : compact(rounded)}/s`;
}

/** `≈ 1.25`: what is estimated never looks like a count. */
export function estimate(value: number): string {
  if (value <= 0) {
    return "0";
  }
  return value < 0.01 ? "< 0.01" : `≈ ${value < 100 ? Number(value.toFixed(2)) : count(value)}`;
}

/** `1 record`, `2 records`, `12,000 records`. */
export function plural(amount: number, noun: string): string {
  return `${count(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

/** The index of the largest unit of which there is at least one. */
function byteUnit(value: number): number {
  const unit = BYTE_UNITS.findIndex((_, index) => value < 1024 ** (index + 1));
  return unit < 0 ? BYTE_UNITS.length - 1 : unit;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
