import { expect, test } from "vitest";
import { cellText, csv, sortRows } from "./table";

test("cells as text", () => {
  expect([cellText(null), cellText(undefined), cellText(1.5), cellText(false), cellText("a"), cellText(["a", 1])]).toEqual(["", "", "1.5", "false", "a", '["a",1]']);
});

test("rows by a column: by value, stable, what is missing last", () => {
  const rows = [["b", 10], ["a", null], ["c", 9], ["d", 10]];
  const names = (descending: boolean) => sortRows(rows, 1, "number", descending).map((row) => row[0]);
  expect(names(false)).toEqual(["c", "b", "d", "a"]);
  expect(names(true)).toEqual(["b", "d", "c", "a"]);
  expect(sortRows(rows, 0, "text", true).map((row) => row[0])).toEqual(["d", "c", "b", "a"]);
  expect(sortRows([["x"], [2], [10], ["b"], [true]], 0, "mixed", false).map((row) => row[0])).toEqual([2, 10, "b", true, "x"]);
  expect(sortRows([[]], 3, "text", false)).toEqual([[]]);
});

test("CSV is quoted where it must be", () => {
  expect(csv(["a", "b,c"], [["x", 1], ['say "hi"', null], ["two\nlines"]])).toBe('a,"b,c"\r\nx,1\r\n"say ""hi""",\r\n"two\nlines",\r\n');
});
