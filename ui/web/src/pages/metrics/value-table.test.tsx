// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import type { HistogramSample, InstantResult } from "../../api/prometheus";
import { ValueTable } from "./value-table";

afterEach(cleanup);

const HISTOGRAM: HistogramSample = { count: "4", sum: "2", buckets: [[0, "0.25", "0.5", "3"], [3, "-0.1", "0.1", "1"]] };

function values(result: InstantResult) {
  const { container } = render(<ValueTable title="A" result={result} />);
  return [...container.querySelectorAll(".values-table > tbody > tr")].map((row) => [...row.children].map((cell) => cell.textContent));
}

test("values of every kind of result", () => {
  expect(values({ resultType: "vector", result: [{ metric: { __name__: "up", job: "a" }, value: [1, "1"] }] })).toEqual([["up job=a", "1"]]);
  expect(values({ resultType: "scalar", result: [1, "+Inf"] })).toEqual([[" ", "+Inf"]]);
  const matrix: InstantResult = { resultType: "matrix", result: [{ metric: {}, values: [[1, "1"], [2, "5"]], histograms: [[3, HISTOGRAM]] }, { metric: {}, values: [[9, "7"]], histograms: [[3, HISTOGRAM]] }, { metric: {} }] };
  expect(values(matrix).map((row) => row[1])).toEqual(["count 4, mean 0.5, sum 2", "7", "–"]);
});

test("a native histogram opens into its buckets", () => {
  const { container, getByLabelText } = render(<ValueTable title="A" result={{ resultType: "vector", result: [{ metric: { __name__: "latency" }, histogram: [1, HISTOGRAM] }] }} />);
  expect(container.querySelectorAll(".histogram-drawing rect").length).toBe(2);
  const button = getByLabelText("Buckets of latency");
  fireEvent.click(button);
  expect(button.getAttribute("aria-expanded")).toBe("true");
  const rows = [...container.querySelectorAll(".bucket-table tbody tr")].map((row) => [...row.children].slice(0, 3).map((cell) => cell.textContent));
  expect(rows).toEqual([["(0.25, 0.5]", "3", "75.0 %"], ["[-0.1, 0.1]", "1", "25.0 %"]]);
});

test("a histogram without buckets says so", () => {
  const { getByLabelText, getByText } = render(<ValueTable title="A" result={{ resultType: "vector", result: [{ metric: {}, histogram: [1, { count: "0", sum: "0" }] }] }} />);
  fireEvent.click(getByLabelText("Buckets of {}"));
  getByText("No bucket holds anything.");
});
