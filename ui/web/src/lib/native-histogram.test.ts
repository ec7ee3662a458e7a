import { expect, test } from "vitest";
import type { HistogramSample } from "../api/prometheus";
import { buckets, summary, summaryText } from "./native-histogram";

const HISTOGRAM: HistogramSample = { count: "8", sum: "10", buckets: [[1, "-4", "-2", "1"], [3, "-0.5", "0.5", "4"], [0, "1", "2", "2"], [2, "2", "+Inf", "1"]] };

test("buckets with their bounds, shares and bars", () => {
  expect(buckets(HISTOGRAM).map(({ range, count, share, fill }) => [range, count, share, fill])).toEqual([
    ["[-4, -2)", 1, 0.125, 0.25],
    ["[-0.5, 0.5]", 4, 0.5, 1],
    ["(1, 2]", 2, 0.25, 0.5],
    ["(2, +Inf)", 1, 0.125, 0.25],
  ]);
  expect(buckets({ count: "0", sum: "0" })).toEqual([]);
});

test("negative counts, which differences have, draw no bar", () => {
  expect(buckets({ count: "-1", sum: "0", buckets: [[0, "0", "1", "-1"]] })[0]).toMatchObject({ share: 0, fill: 0, count: -1 });
});

test("the summary in words", () => {
  expect(summaryText(HISTOGRAM)).toBe("count 8, mean 1.25, sum 10");
  expect(summaryText({ count: "0", sum: "0" })).toBe("count 0, sum 0");
  expect(summary({ count: "2", sum: "NaN" }).mean).toBe(null);
});
