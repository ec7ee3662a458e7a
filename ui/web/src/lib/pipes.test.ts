import { expect, test } from "vitest";
import { FUNCTIONS, PIPES, givesTable, pipeNames } from "./pipes";

test("the names of pipes", () => {
  expect(pipeNames('a "x | y" | Stats count() by (a) |sort by (a) | ')).toEqual(["stats", "sort", ""]);
  expect(pipeNames("a")).toEqual([]);
});

test("pipes that sum up give a table, others give records", () => {
  const check = (query: string, want: boolean) => expect(givesTable(query), query).toBe(want);
  check("a", false);
  check("a | filter b | limit 3", false);
  check("a | stats count()", true);
  check("a | fields x | top 5 by x", true);
  check('m:"| stats"', false);
  check("a | statz", false);
});

test("every name stands once and is explained", () => {
  for (const list of [PIPES, FUNCTIONS]) {
    expect(new Set(list.map((entry) => entry.name)).size).toBe(list.length);
    expect(list.every((entry) => entry.about !== "")).toBe(true);
  }
});
