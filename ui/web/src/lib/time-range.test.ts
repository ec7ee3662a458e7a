import { expect, test } from "vitest";
import { RELATIVE_RANGES, absoluteRange, copyRange, formatAbsolute, parseTime, pasteRange, rangeLabel, resolveRange, zoomOut } from "./time-range";

const NOW = Date.UTC(2026, 10, 21, 12, 3, 11, 482); // a Saturday

function check(text: string, edge: "from" | "to", want: string | null) {
  const got = parseTime(text, NOW, edge, "utc");
  expect(got === null ? null : new Date(got).toISOString(), text).toBe(want);
}

test("relative times", () => {
  check("now", "from", "2026-11-21T12:03:11.482Z");
  check("now-15m", "from", "2026-11-21T11:48:11.482Z");
  check("now+1h", "to", "2026-11-21T13:03:11.482Z");
  check("now-1M", "from", "2026-10-21T12:03:11.482Z");
  check("now-1y", "from", "2025-11-21T12:03:11.482Z");
  check("now/d", "from", "2026-11-21T00:00:00.000Z");
  check("now/d", "to", "2026-11-22T00:00:00.000Z");
  check("now-1d/d", "from", "2026-11-20T00:00:00.000Z");
  check("now/d+8h", "from", "2026-11-21T08:00:00.000Z");
  check("now/w", "from", "2026-11-16T00:00:00.000Z");
  check("now/M", "to", "2026-12-01T00:00:00.000Z");
});

test("absolute times", () => {
  check("1795262591482", "from", "2026-11-21T12:03:11.482Z");
  check("2026-11-21T12:03:11Z", "from", "2026-11-21T12:03:11.000Z");
  check("2026-11-21T13:03:11.5+01:00", "from", "2026-11-21T12:03:11.500Z");
  check("2026-11-21 12:03", "from", "2026-11-21T12:03:00.000Z");
  check("2026-11-21", "from", "2026-11-21T00:00:00.000Z");
  check("2026-11-21", "to", "2026-11-22T00:00:00.000Z");
});

test("what is no time", () => {
  for (const text of ["", "now-", "now-5", "now-5q", "nowhere", "2026-13-01", "2026-11-21 25:00", "12", "yesterday", "now-15mm"]) {
    check(text, "from", null);
  }
});

test("every listed range resolves", () => {
  for (const range of RELATIVE_RANGES) {
    expect(resolveRange(range, NOW, "utc").ok, range.label).toBe(true);
  }
});

test("a range that ends before it starts is refused at its end", () => {
  const got = resolveRange({ from: "now", to: "now-5m" }, NOW, "utc");
  expect(got).toMatchObject({ ok: false, edge: "to" });
});

test("labels", () => {
  expect(rangeLabel({ from: "now-15m", to: "now" })).toBe("Last 15 minutes");
  expect(rangeLabel({ from: "now-45m", to: "now" })).toBe("Last 45 minutes");
  expect(rangeLabel(absoluteRange({ start: NOW - 1482 - 190_000, end: NOW }), "utc")).toBe("2026-11-21 12:00 → 12:03:11");
});

test("copy and paste", () => {
  const range = { from: "now-3h", to: "now" };
  expect(pasteRange(copyRange(range), NOW)).toEqual(range);
  expect(pasteRange("now-3h to now", NOW)).toEqual(range);
  expect(pasteRange("2026-11-21 12:00 → 2026-11-21 13:00", NOW)).toEqual({ from: "2026-11-21 12:00", to: "2026-11-21 13:00" });
  expect(pasteRange("{}", NOW)).toBe(null);
  expect(pasteRange("{", NOW)).toBe(null);
  expect(pasteRange("hello", NOW)).toBe(null);
});

test("what is shown can be typed back", () => {
  for (const zone of ["utc", "local"] as const) {
    expect(parseTime(formatAbsolute(NOW, zone), NOW, "from", zone)).toBe(NOW - 482);
  }
});

test("zooming out doubles the span and stops at now", () => {
  expect(zoomOut({ start: NOW - 3000, end: NOW - 2000 }, NOW)).toEqual({ start: NOW - 3500, end: NOW - 1500 });
  expect(zoomOut({ start: NOW - 1000, end: NOW }, NOW)).toEqual({ start: NOW - 2000, end: NOW });
});
