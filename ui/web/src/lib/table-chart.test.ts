import { expect, test } from "vitest";
import type { Cell, ColumnType } from "../api/logs";
import { BARS_MAX, SERIES_MAX, barsOf, canStack, chartOf, gridOf, measures, spanOf } from "./table-chart";

function table(columns: readonly string[], types: readonly ColumnType[], rows: readonly (readonly Cell[])[]) {
  return { columns, types, rows };
}

const minute = (n: number) => new Date(Date.UTC(2026, 10, 21, 12, n)).toISOString();
const BASE = Date.UTC(2026, 10, 21, 12) / 1000;

const OVER_TIME = table(["_time", "service", "n"], ["time", "text", "number"], [
  [minute(2), "a", 5],
  [minute(0), "a", 1],
  [minute(0), "b", 20],
  [minute(4), "b", null],
]);

test("a column of times makes series by the other texts, gaps stay gaps", () => {
  const chart = chartOf(OVER_TIME, { measure: null, groups: [], ordered: true });
  if (chart?.kind !== "time") throw new Error("no time chart");
  expect(chart.times.map((time) => time - BASE)).toEqual([0, 120, 240]);
  expect(chart.step).toBe(120);
  expect(chart.series.map(({ name, values }) => [name, values])).toEqual([["b", [20, null, null]], ["a", [1, 5, null]]]);
  expect(gridOf(chart).columns).toEqual([[20, null, null], [1, 5, null]]);
  const bars = barsOf(chart);
  expect([bars.totals, bars.peak, bars.step]).toEqual([[21, 5, 0], 21, 120_000]);
  expect(spanOf(chart)).toEqual({ start: BASE * 1000, end: (BASE + 360) * 1000 });
  expect(canStack(chart)).toBe(true);
});

test("several numbers over time are several series", () => {
  const chart = chartOf(table(["t", "n", "p99"], ["time", "number", "number"], [[minute(0), 1, -9]]), { measure: null, groups: [], ordered: true });
  if (chart?.kind !== "time") throw new Error("no time chart");
  expect(chart.series.map((entry) => entry.name)).toEqual(["p99", "n"]);
  expect(canStack(chart)).toBe(false);
});

test("without times there are bars, by the number chosen", () => {
  const source = table(["service", "host", "n", "avg"], ["text", "text", "number", "number"], [["a", "h1", 3, 0.5], [null, "h2", 1, 2], ["c", "h1", null, null]]);
  expect(measures(source, [])).toEqual(["n", "avg"]);
  expect(chartOf(source, { measure: null, groups: [], ordered: true })).toEqual({
    kind: "bars",
    measure: "n",
    bars: [
      { name: "a · h1", value: 3, keys: [{ field: "service", value: "a" }, { field: "host", value: "h1" }] },
      { name: "(none) · h2", value: 1, keys: [{ field: "service", value: null }, { field: "host", value: "h2" }] },
    ],
    left: 0,
  });
  expect(chartOf(source, { measure: "avg", groups: [], ordered: true })).toMatchObject({ measure: "avg" });
  expect(chartOf(source, { measure: "host", groups: [], ordered: true })).toMatchObject({ measure: "n" });
  const codes = table(["status", "n"], ["number", "number"], [[200, 5], [500, 1]]);
  expect(chartOf(codes, { measure: null, groups: [], ordered: true })).toMatchObject({ measure: "n", bars: [{ name: "200", value: 5 }, { name: "500", value: 1 }] });
});

test("numbers that the rows are grouped by name them", () => {
  const source = table(["_time", "level", "n"], ["time", "number", "number"], [[minute(0), 3, 7], [minute(0), "6", 70], [minute(1), null, 1]]);
  const chart = chartOf(source, { measure: null, groups: ["_time", "level"], ordered: true });
  if (chart?.kind !== "time") throw new Error("no time chart");
  expect(chart.series.map((entry) => entry.name)).toEqual(["info", "error", "(none)"]);
  expect(chartOf(table(["status", "n"], ["number", "number"], [[500, 1]]), { measure: null, groups: ["status"], ordered: true })).toMatchObject({ kind: "bars", bars: [{ name: "500", value: 1 }] });
});

test("the greatest bars come first unless an order was asked for", () => {
  const source = table(["s", "n"], ["text", "number"], [["a", 1], ["b", 3], ["c", 2]]);
  const names = (ordered: boolean) => {
    const chart = chartOf(source, { measure: null, groups: ["s"], ordered });
    return chart?.kind === "bars" ? chart.bars.map((bar) => bar.name) : [];
  };
  expect([names(false), names(true)]).toEqual([["b", "c", "a"], ["a", "b", "c"]]);
});

test("one row of numbers is shown as figures, nothing to measure not at all", () => {
  expect(chartOf(table(["n", "p99"], ["number", "number"], [[3, null]]), { measure: null, groups: [], ordered: true })).toEqual({ kind: "figures", figures: [{ name: "n", value: 3 }, { name: "p99", value: null }] });
  expect(chartOf(table(["a"], ["text"], [["x"]]), { measure: null, groups: [], ordered: true })).toBe(null);
  expect(chartOf(table(["n"], ["number"], []), { measure: null, groups: [], ordered: true })).toBe(null);
  expect(chartOf(table(["t", "n"], ["time", "number"], [["no time", 1]]), { measure: null, groups: [], ordered: true })).toBe(null);
});

test("what is too much is counted and left out", () => {
  const many = Array.from({ length: 100 }, (_, index): Cell[] => [minute(0), `s${index}`, index]);
  expect(chartOf(table(["t", "s", "n"], ["time", "text", "number"], many), { measure: null, groups: [], ordered: true })).toMatchObject({ left: 100 - SERIES_MAX });
  expect(chartOf(table(["s", "n"], ["text", "number"], many.map((row) => row.slice(1))), { measure: null, groups: [], ordered: true })).toMatchObject({ left: 100 - BARS_MAX });
});
