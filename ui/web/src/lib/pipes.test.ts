import { expect, test } from "vitest";
import { FUNCTIONS, PIPES, countsRecords, givesTable, groupNames, pipeNames } from "./pipes";

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
  check("a | distinct by (x)", true);
  check("a | head 3 | where b", false);
});

test("every name stands once and is explained", () => {
  for (const list of [PIPES, FUNCTIONS]) {
    expect(new Set(list.map((entry) => entry.name)).size).toBe(list.length);
    expect(list.every((entry) => entry.about !== "")).toBe(true);
  }
});

test("what the rows of a table stand for", () => {
  const check = (query: string, want: readonly string[]) => expect(groupNames(query), query).toEqual(want);
  check("a", []);
  check("a | stats count()", []);
  check("a | stats count() by (_time:5m, level)", ["_time", "level"]);
  check('a | stats count() by (_time:1d tz "Europe/Berlin", "took ms")', ["_time", "took ms"]);
  check("a | stats avg(x) by service, host", ["service", "host"]);
  check("a | top 5 by status | limit 3", ["status"]);
  check("a | top 5 status, host", ["status", "host"]);
  check("a | uniq by (x) limit 5", ["x"]);
  check("a | stats count() by (a) | stats max(count) by (b)", ["b"]);
});

test("rows stand for records where nothing changes these before they are grouped", () => {
  const check = (query: string, want: boolean) => expect(countsRecords(query), query).toBe(want);
  check("a | stats count() by (b)", true);
  check("a | top 5 by b | sort by (b) | head 3", true);
  check("a | unpack_json | stats count() by (b)", false);
  check("a | stats count() by (b) | rename b as c", false);
  check("a | sort by (b)", false);
  check("a", false);
});
