import { expect, test } from "vitest";
import { byteToIndex, condition, corrected, fieldName, hasCondition, quoted, recordsOf, toggleFilter, valueText, withPipe } from "./log-query";
import { splitPipes } from "./query-text";

test("conditions are quoted where the dialect needs it", () => {
  expect(condition("service", "checkout", "include")).toBe("service:checkout");
  expect(condition("level", "3", "exclude")).toBe("NOT level:3");
  expect(condition("path", "/a b", "include")).toBe('path:"/a b"');
  expect(condition("q", 'say "hi"\\', "include")).toBe('q:"say \\"hi\\"\\\\"');
  expect(condition("op", "OR", "include")).toBe('op:"OR"');
  expect(condition("a b", "x", "include")).toBe("a\\ b:x");
  expect(condition("n", "-5", "include")).toBe("n:-5");
});

test("a second click takes the filter away, the opposite replaces it", () => {
  const one = toggleFilter("refused", "service", "checkout", "include");
  expect(one).toBe("refused service:checkout");
  expect(toggleFilter(one, "service", "checkout", "include")).toBe("refused");
  expect(toggleFilter(one, "service", "checkout", "exclude")).toBe("refused NOT service:checkout");
  expect(toggleFilter("", "a", "b", "include")).toBe("a:b");
  expect(toggleFilter("*", "a", "b", "include")).toBe("a:b");
  expect(toggleFilter("a:b AND c", "a", "b", "include")).toBe("c");
});

test("alternatives are put in brackets and pipes stay last", () => {
  expect(toggleFilter("x OR y", "a", "b", "include")).toBe("(x OR y) a:b");
  expect(toggleFilter("(x OR y) z", "a", "b", "include")).toBe("(x OR y) z a:b");
  expect(toggleFilter("x | stats by (a) count()", "a", "b", "exclude")).toBe("x NOT a:b | stats by (a) count()");
  expect(toggleFilter("a:b | limit 3", "a", "b", "include")).toBe("* | limit 3");
  expect(toggleFilter("a:b OR c", "a", "b", "exclude")).toBe("(a:b OR c) NOT a:b");
});

test("quotes hide pipes and brackets", () => {
  expect(splitPipes('msg:"a | b" | limit 1')).toEqual(['msg:"a | b"', "| limit 1"]);
  expect(splitPipes('"open')).toEqual(['"open', ""]);
  expect(hasCondition('path:"/a b" x', "path", "/a b")).toBe("include");
  expect(hasCondition('x NOT path:"/a b"', "path", "/a b")).toBe("exclude");
  expect(hasCondition("(a:b)", "a", "b")).toBe(null);
});

test("toggling twice restores any query that lacked the filter", () => {
  const queries = ["", "refused", "x OR y", "(a OR b) c", 'm:"x  y"', "NOT z", "a AND b"];
  for (const query of queries) {
    const once = toggleFilter(query, "svc", "v 1", "include");
    const twice = toggleFilter(once, "svc", "v 1", "include");
    expect(twice.replace(/^\((.*)\)$/u, "$1")).toBe(query.trim().replace(/^\((.*)\)$/u, "$1"));
  }
});

test("byte offsets become indices", () => {
  expect(byteToIndex("abc", 1)).toBe(1);
  expect(byteToIndex("é:x", 2)).toBe(1);
  expect(byteToIndex("😀x", 4)).toBe(2);
  expect(byteToIndex("ab", 99)).toBe(2);
});

test("names, values and literals are written so that they are read back", () => {
  expect([fieldName("a.b-c"), fieldName("a b:c")]).toEqual(["a.b-c", "a\\ b\\:c"]);
  expect([valueText("x-1"), valueText("12.5"), valueText("a b"), valueText("TO")]).toEqual(["x-1", "12.5", '"a b"', '"TO"']);
  expect(quoted('a"b\\')).toBe('"a\\"b\\\\"');
});

test("a pipe is added to what is searched", () => {
  expect(withPipe("", "top 5 host")).toBe("* | top 5 host");
  expect(withPipe(" a | limit 3 ", "sort by (a)")).toBe("a | limit 3 | sort by (a)");
});

test("a proposal takes the place of the mistake", () => {
  expect(corrected("a | stat count()", "stats", 4, 8)).toBe("a | stats count()");
  expect(corrected("é | stat", "stats", 5, 9)).toBe("é | stats");
  expect(corrected("(a", ")", 2, 2)).toBe("(a)");
  expect(corrected("a a:b", "a AND", 0, 1)).toBe("a AND a:b");
  expect(corrected("x y", "x AND y")).toBe("x AND y");
});

test("the records that a row counted", () => {
  const keys = [{ field: "service", value: "a b" }, { field: "host", value: null }];
  expect(recordsOf("* | stats count() by (service, host)", keys)).toBe('service:"a b" NOT _exists_:host');
  expect(recordsOf("x OR y | top 5 by service", keys.slice(0, 1))).toBe('(x OR y) service:"a b"');
  expect(recordsOf("x", [])).toBe("x");
});
