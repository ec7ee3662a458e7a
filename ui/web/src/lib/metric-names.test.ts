import { expect, test } from "vitest";
import { aboutName, countBy, filterNames, readSearch, selector, starter, togglePair, type Pair } from "./metric-names";

const named = (name: string, help = "") => ({ name, type: "", help, unit: "" });

test("the lines of a search", () => {
  const lines = [{ results: [{ name: "a", type: "gauge", help: "x" }] }, { results: [{ name: "b", score: 1 }], warnings: ["w"] }, { status: "success", has_more: true }];
  expect(readSearch(lines)).toEqual({ names: [{ ...named("a", "x"), type: "gauge" }, named("b")], more: true });
  expect(readSearch([{ results: [] }, { status: "success", has_more: false }])).toEqual({ names: [], more: false });
  expect(readSearch([{ results: [{ name: "a" }] }, { status: "error", error: "gone" }])).toBe(null);
});

test("what is known of a metric holds for its parts", () => {
  const known = { latency: 1, latency_count: 2 };
  expect(["latency", "latency_bucket", "latency_count", "other"].map((name) => aboutName(name, known))).toEqual([1, 1, 2, undefined]);
});

test("words are found in names and helps, in any order", () => {
  const names = [named("http_requests_total", "Requests answered"), named("node_load1", "Load")];
  expect(filterNames(names, " answered HTTP ").map(({ name }) => name)).toEqual(["http_requests_total"]);
  expect(filterNames(names, "").length).toBe(2);
});

test("selectors of any name", () => {
  const cases: readonly [string, readonly Pair[], string][] = [
    ["up", [], "up"],
    ["up", [["job", 'a"\\\n']], 'up{job="a\\"\\\\\\n"}'],
    ["http.requests", [["a-b", "1"]], '{"http.requests", "a-b"="1"}'],
    ["job:rate", [["é", "x"], ["b", ""]], 'job:rate{"é"="x", b=""}'],
  ];
  for (const [name, pairs, want] of cases) {
    expect(selector(name, pairs)).toBe(want);
  }
});

test("what one usually wants of a metric", () => {
  expect(starter({ name: "up", type: "gauge" }, [["job", "a"]])).toBe('up{job="a"}');
  expect(starter({ name: "x_total", type: "" })).toBe("rate(x_total[5m])");
  expect(starter({ name: "x_bucket", type: "" })).toBe("histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))");
  expect(starter({ name: "x", type: "histogram" })).toBe("histogram_quantile(0.95, sum(rate(x[5m])))");
  expect(starter({ name: "x_sum", type: "histogram" })).toBe("rate(x_sum[5m])");
  expect(countBy("x", "a.b", 5)).toBe('topk(5, count by ("a.b") (x))');
});

test("a value is in or out, one for each label", () => {
  const one = togglePair([], "job", "a");
  expect(one).toEqual([["job", "a"]]);
  expect(togglePair(one, "job", "b")).toEqual([["job", "b"]]);
  expect(togglePair(one, "job", "a")).toEqual([]);
});
