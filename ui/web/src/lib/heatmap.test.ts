import { expect, test } from "vitest";
import type { MatrixEntry } from "../api/prometheus";
import { heatmap } from "./heatmap";

type Buckets = NonNullable<NonNullable<MatrixEntry["histograms"]>[number][1]["buckets"]>;
const entry = (...points: readonly (readonly [number, Buckets])[]): MatrixEntry => ({ metric: {}, histograms: points.map(([time, buckets]) => [time, { count: "0", sum: "0", buckets }] as const) });
const rows = (map: ReturnType<typeof heatmap>) => map?.cells.map((row) => [...row]);

test("buckets stand one above the other, series add up", () => {
  const map = heatmap([entry([10, [[0, "0", "1", "2"], [0, "1", "+Inf", "1"]]], [20, [[0, "1", "+Inf", "4"]]]), entry([20, [[0, "0", "1", "3"]]])], 10, 39, 10);
  expect(map).toMatchObject({ start: 10, step: 10, columns: 3, bounds: [0, 1, Infinity], most: 4 });
  expect(rows(map)).toEqual([[2, 3, 0], [1, 4, 0]]);
});

test("a coarse bucket is shared among the rows of finer ones", () => {
  expect(rows(heatmap([entry([0, [[0, "1", "4", "6"]]]), entry([0, [[0, "1", "2", "1"], [0, "2", "4", "-5"]]])], 0, 0, 1))).toEqual([[4], [3]]);
});

test("so many rows at most, nothing is lost by it", () => {
  const many: Buckets = Array.from({ length: 300 }, (_, index) => [0, String(index), String(index + 1), "1"] as const);
  const map = heatmap([entry([0, many])], 0, 0, 1);
  expect(map?.cells.length).toBe(60);
  expect(map?.bounds.at(-1)).toBe(300);
  expect(rows(map)?.flat().reduce((sum, value) => sum + value, 0)).toBe(300);
});

test("without buckets there is no picture", () => {
  expect(heatmap([{ metric: {}, values: [[1, "1"]] }, entry([0, []])], 0, 1, 1)).toBe(null);
});
