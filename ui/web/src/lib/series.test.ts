import { expect, test } from "vitest";
import { PALETTE, align, assignStyles, commonLabels, seriesName, statistics } from "./series";

test("names", () => {
  expect(seriesName({ __name__: "up", job: "api" })).toBe('up{job="api"}');
  expect(seriesName({ __name__: "up" })).toBe("up");
  expect(seriesName({})).toBe("{}");
  expect(seriesName({ a: 'x"y' })).toBe('{a="x\\"y"}');
  expect(seriesName({ __name__: "up", job: "api", i: "1" }, new Set(["job"]))).toBe('up{i="1"}');
});

test("labels shared by all series", () => {
  expect([...commonLabels([{ __name__: "a", job: "x", i: "1" }, { __name__: "a", job: "x", i: "2" }])]).toEqual(["job"]);
  expect([...commonLabels([{ job: "x" }])]).toEqual([]);
});

test("colours are stable and distinct while there are enough", () => {
  const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
  const styles = assignStyles(names);
  expect(new Set(styles.slice(0, 8).map((style) => style.color)).size).toBe(PALETTE.length);
  expect(new Set(styles.map((style) => style.color + style.dash.join())).size).toBe(20);
  expect(assignStyles(["s0"])[0]).toEqual(styles[0]);
});

test("points fall onto the grid, what is missing is a gap", () => {
  const grid = align([[[10, "1"], [20, "NaN"], [40, "2.5"]], [[20, "+Inf"], [30.0001, "3"]]], 10, 45, 10);
  expect(grid.times).toEqual([10, 20, 30, 40]);
  expect(grid.columns).toEqual([[1, null, null, 2.5], [null, null, 3, null]]);
  expect(align([], 0, 0, 5).times).toEqual([0]);
});

test("statistics leave gaps out", () => {
  expect(statistics([null, 2, 4, null])).toEqual({ last: 4, min: 2, max: 4, mean: 3 });
  expect(statistics([null])).toEqual({ last: null, min: null, max: null, mean: null });
});
