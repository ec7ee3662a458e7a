import { expect, test } from "vitest";
import { exemplarMarks, thinned, traceSearch, type ExemplarMark } from "./exemplars";

const series = { __name__: "latency_bucket", le: "1" };
const mark = (time: number, value: number, labels = {}): ExemplarMark => ({ time, value, series, labels });

test("marks are in order of time, each once, only where they have a place", () => {
  const exemplars = [
    { labels: { trace_id: "b" }, value: "2.5", timestamp: 20.5 },
    { labels: { trace_id: "a" }, value: "1", timestamp: 10 },
    { labels: {}, value: "NaN", timestamp: 5 },
  ];
  const answer = [{ seriesLabels: series, exemplars }];
  expect(exemplarMarks([answer, answer])).toEqual([mark(10, 1, { trace_id: "a" }), mark(20.5, 2.5, { trace_id: "b" })]);
});

test("of those that fall on each other the greatest stays", () => {
  const marks = [mark(0, 1), mark(1, 5), mark(1, 4), mark(50, 0), mark(100, 5), mark(101, 9)];
  expect(thinned(marks, 0, 100, 10, 2).map(({ time, value }) => [time, value])).toEqual([[0, 1], [1, 5], [50, 0], [100, 5]]);
  expect(thinned([mark(1, 3), mark(2, 3)], 0, 100, 10, 4).length).toBe(1);
  expect(thinned([], 0, 0, 10, 4)).toEqual([]);
});

test("a trace id is looked for in the logs around it", () => {
  expect(traceSearch(mark(1_000_000, 1, { span_id: "s", traceID: 'a"b' }))).toEqual({ label: "traceID", query: '"a\\"b"', from: "999400000", to: "1000600000" });
  expect(["trace_id", "traceId", "trace.id", "trace-id", "TraceID"].map((label) => traceSearch(mark(1, 1, { [label]: "x" }))?.label)).toEqual(["trace_id", "traceId", "trace.id", "trace-id", "TraceID"]);
  expect(traceSearch(mark(1, 1, { trace_id: "" }))).toBe(null);
  expect(traceSearch(mark(1, 1, { parent_trace_ids: "x" }))).toBe(null);
});
