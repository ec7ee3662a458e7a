import { expect, test } from "vitest";
import { age, bytes, bytesOf, compact, count, duration, estimate, monthDay, perSecond, plural, sample, timeOfDay } from "./format";

test("counts", () => {
  expect([0, 999, 12345].map(count)).toEqual(["0", "999", "12,345"]);
  expect([0, 987, 999.6, 1000, 8123, 12_345, 999_900, 1.5e9].map(compact)).toEqual(["0", "987", "1k", "1k", "8.1k", "12k", "1M", "1.5G"]);
  expect([plural(1, "record"), plural(2000, "record")]).toEqual(["1 record", "2,000 records"]);
});

test("estimates", () => {
  expect([0, 0.004, 1.254, 12, 12_345.6].map(estimate)).toEqual(["0", "< 0.01", "≈ 1.25", "≈ 12", "≈ 12,346"]);
});

test("sizes and durations", () => {
  expect([0, 512, 1024, 1_572_864, 1024 ** 4 * 2000].map(bytes)).toEqual(["0 B", "512 B", "1 KiB", "1.5 MiB", "2000 TiB"]);
  expect([bytesOf(1.24 * 1024 ** 3, 4 * 1024 ** 3), bytesOf(0, 200 * 1024), bytesOf(1, 9)]).toEqual(["1.2 of 4.0 GiB", "0 of 200 KiB", "1 of 9 B"]);
  expect([0.42, 3.14, 38, 999.7, 1_200, 60_000, 185_000, 187_200_000].map(duration)).toEqual([
    "0.4 ms", "3.1 ms", "38 ms", "1 s", "1.2 s", "1 m", "3 m 5 s", "2 d 4 h",
  ]);
  expect([0, 12_000, 200_000, 7_200_000, 2e8].map(age)).toEqual(["now", "12 s", "3 m", "2 h", "2 d"]);
});

test("times of day", () => {
  const ms = Date.UTC(2026, 0, 5, 4, 3, 2, 7);
  expect(timeOfDay(ms, "utc")).toBe("04:03:02.007");
  expect(monthDay(ms, "utc")).toBe("01-05");
});

test("sample values", () => {
  expect([0, 1, -12.5, 0.1 + 0.2, 123456789, 1.5e12, 0.00001, NaN, Infinity].map(sample)).toEqual([
    "0", "1", "-12.5", "0.3", "123456789", "1.5e+12", "1e-5", "NaN", "+Inf",
  ]);
  expect([0, 0.254, 12, 140.6, 1500].map(perSecond)).toEqual(["0/s", "0.25/s", "12/s", "141/s", "1.5k/s"]);
});
