import { expect, test } from "vitest";
import { barAt, brushed, stack } from "./histogram";
import { niceStep, timeTicks } from "./ticks";

const BARS = stack(100, 10, [
  { value: null, counts: [1, 0, 0] },
  { value: "6", counts: [5, 6, 7] },
  { value: "3", counts: [2, 0, 1] },
]);
const DRAWN = { start: 100_000, end: 130_000 };

test("levels stack from the most severe up", () => {
  expect(BARS.layers.map((layer) => layer.level.name)).toEqual(["error", "info", "no level"]);
  expect(BARS.totals).toEqual([8, 6, 8]);
  expect(BARS.peak).toBe(8);
  expect(stack(0, 1, []).peak).toBe(1);
});

test("a brush takes whole bars", () => {
  expect(brushed(BARS, DRAWN, 0.4, 0.6)).toEqual({ start: 110_000, end: 120_000 });
  expect(brushed(BARS, DRAWN, 0.6, 0.2)).toEqual({ start: 100_000, end: 120_000 });
  expect(brushed(BARS, DRAWN, 0.5, 0.5)).toEqual({ start: 110_000, end: 120_000 });
  expect(brushed(BARS, DRAWN, -1, 2)).toEqual(DRAWN);
});

test("the bar under the pointer", () => {
  expect([0, 0.34, 0.99, 1, -0.1].map((share) => barAt(BARS, DRAWN, share))).toEqual([0, 1, 2, null, null]);
});

test("steps and ticks are round", () => {
  expect(niceStep({ start: 0, end: 900_000 }, 60)).toBe(15);
  expect(niceStep({ start: 0, end: 86_400_000 * 365 }, 3)).toBe(86_400 * 122);
  const ticks = timeTicks({ start: Date.UTC(2026, 10, 20, 23, 10), end: Date.UTC(2026, 10, 21, 1, 10) }, 6, "utc");
  expect(ticks.map((tick) => tick.label)).toEqual(["23:20", "23:40", "11-21", "00:20", "00:40", "01:00"]);
});
