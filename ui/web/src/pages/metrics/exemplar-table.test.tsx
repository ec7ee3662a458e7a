// @vitest-environment jsdom

import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { ExemplarTable } from "./exemplar-table";

afterEach(cleanup);

const MARKS = [
  { time: 1_700_000_000, value: 0.25, series: { __name__: "latency_bucket", le: "0.5" }, labels: { trace_id: "4bf9", span_id: "s" } },
  { time: 1_700_000_060, value: 3, series: { __name__: "latency_bucket", le: "5" }, labels: { user: "x" } },
];

test("a trace leads to its records around that time", () => {
  const onChoose = vi.fn();
  const { getAllByTitle, getByText, getAllByText } = render(<ExemplarTable marks={MARKS} chosen={null} zone="utc" onChoose={onChoose} />);
  const link = getByText("Logs of this trace");
  expect(getAllByText(/^Logs of/).length).toBe(1);
  expect(link.getAttribute("href")).toBe("./logs?query=%224bf9%22&from=1699999400000&to=1700000600000");
  fireEvent.click(getAllByTitle("Show it on the graph")[1] as HTMLElement);
  expect(onChoose).toHaveBeenCalledWith(1);
});

test("none is said in words", () => {
  const { getByText } = render(<ExemplarTable marks={[]} chosen={null} zone="utc" onChoose={vi.fn()} />);
  getByText(/^None in this range/);
});
