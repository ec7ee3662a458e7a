import { expect, test } from "vitest";
import { placeAt, remark } from "./remarks";

test("an error stands where its position says", () => {
  const query = "sum(up";
  expect(remark("error", 'invalid parameter "query": 1:4: parse error: unclosed left parenthesis', query)).toEqual({
    kind: "error",
    text: "parse error: unclosed left parenthesis",
    place: { start: 3, end: 4 },
  });
  expect(remark("error", "query timed out in expression evaluation", query)).toEqual({ kind: "error", text: "query timed out in expression evaluation", place: null });
});

test("remarks carry their place behind them", () => {
  const query = "rate(node_cpu[5m])";
  expect(remark("info", "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"node_cpu\" (1:6)", query)).toEqual({
    kind: "info",
    text: 'metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "node_cpu"',
    place: { start: 5, end: 13 },
  });
  expect(remark("warning", "two of three stores answered", query).place).toBe(null);
  expect(remark("warning", "beyond the text (7:1)", query)).toEqual({ kind: "warning", text: "beyond the text (7:1)", place: null });
});

test("columns count bytes, lines count from one", () => {
  const text = 'sum({job="é😀"}\n  + up)';
  const piece = (line: number, column: number) => {
    const place = placeAt(text, line, column);
    return place && text.slice(place.start, place.end);
  };
  expect([piece(1, 1), piece(1, 4), piece(1, 10), piece(1, 18), piece(2, 5)]).toEqual(["sum", "(", '"é😀"', "}", "up"]);
  expect([piece(1, 99), piece(2, 99), piece(3, 1)]).toEqual(["}", ")", null]);
  expect(placeAt("", 1, 1)).toBe(null);
  expect(placeAt("(", 1, 2)).toEqual({ start: 0, end: 1 });
});
