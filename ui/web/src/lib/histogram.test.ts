import { expect, test } from "vitest";
import { LAYERS_MAX, barAt, brushed, layerTotal, stack } from "./histogram";
import { niceStep, timeTicks } from "./ticks";

const BARS = stack(100, 10, [
  { value: null, counts: [1, 0, 0] },
  { value: "6", counts: [5, 6, 7] },
  { value: "3", counts: [2, 0, 1] },
], "level");
const DRAWN = { start: 100_000, end: 130_000 };

test("levels stack from the most severe up", () => {
  expect(BARS.layers.map((layer) => layer.name)).toEqual(["error", "info", "no level"]);
  expect(BARS.totals).toEqual([8, 6, 8]);
  expect(BARS.peak).toBe(8);
  expect(stack(0, 1, [], "level").peak).toBe(1);
});

test("values stack from the most frequent up, too many are one layer", () => {
  const many = Array.from({ length: LAYERS_MAX + 2 }, (_, index) => ({ value: `s${index}`, counts: [index + 1, 0] }));
  const { layers, totals } = stack(0, 1, [{ value: null, counts: [0, 50] }, ...many], "service");
  expect(layers.map((layer) => layer.name)).toEqual(["(none)", "s9", "s8", "s7", "s6", "s5", "s4", "s3", "other (3)"]);
  expect(layers.map(layerTotal)).toEqual([50, 10, 9, 8, 7, 6, 5, 4, 6]);
  expect(totals).toEqual([55, 50]);
  expect(new Set(layers.map((layer) => layer.tone)).size).toBe(LAYERS_MAX + 1);
  expect(layers.at(-1)?.value).toBe(null);
});

test("a histogram that is not split has one layer", () => {
  expect(stack(0, 1, [{ value: null, counts: [1, 2] }], "").layers).toEqual([{ name: "records", tone: "--info", value: null, counts: [1, 2] }]);
  expect(stack(0, 1, [], "").layers).toEqual([]);
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
