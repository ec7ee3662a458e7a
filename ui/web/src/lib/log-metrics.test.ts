import { expect, test } from "vitest";
import { LOG_METRICS, logMetric, withoutLogMetrics } from "./log-metrics";

test("names that the logs give are known, with the companions of log_field", () => {
  expect(["logs_total", "log_field", "log_field_max", "logs_totals", "up"].map((name) => logMetric(name)?.name)).toEqual(["logs_total", "log_field", "log_field", undefined, undefined]);
  expect(withoutLogMetrics([{ name: "log_field_sum" }, { name: "up" }, { name: "logs_count" }])).toEqual([{ name: "up" }]);
});

test("every example names what it is an example of", () => {
  for (const { name, examples } of LOG_METRICS) {
    expect(examples.length).toBeGreaterThan(0);
    expect(examples.every((example) => example.includes(name))).toBe(true);
  }
});
