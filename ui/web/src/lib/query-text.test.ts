import { expect, test } from "vitest";
import { segments, splitPipes, tokenize } from "./query-text";

function check(query: string, want: readonly string[]) {
  expect(segments(query).map((segment) => segment.text.trim())).toEqual(want);
}

test("pipes cut a query, quotes, escapes, brackets and regular expressions hold together", () => {
  check("a b | stats count() | sort by (x)", ["a b", "stats count()", "sort by (x)"]);
  check('m:"a | b" | limit 1', ['m:"a | b"', "limit 1"]);
  check("a \\| b | limit 1", ["a \\| b", "limit 1"]);
  check("m:/a|b/ | limit 1", ["m:/a|b/", "limit 1"]);
  check("/a | b/i | limit 1", ["/a | b/i", "limit 1"]);
  check("path:/var/log | limit 1", ["path:/var/log", "limit 1"]);
  check("a || b | limit 1", ["a || b", "limit 1"]);
  check("(a | b", ["(a | b"]);
  check('"open | a', ['"open | a']);
  check("|", ["", ""]);
  check("", [""]);
});

test("segments say where they stand", () => {
  expect(segments("ab | cd").map(({ start, end }) => [start, end])).toEqual([[0, 3], [4, 7]]);
});

test("the searching part and the rest", () => {
  expect(splitPipes(" a | b | c ")).toEqual(["a", "| b | c"]);
  expect(splitPipes("a")).toEqual(["a", ""]);
});

test("tokens cover everything but white space, whatever the text", () => {
  for (const text of ["", "a", 'x:"y', "((|))", "\\", '"', "a\\", "/", "/a", "é😀 | ü", "a:/x\\/|/ b"]) {
    const tokens = tokenize(text);
    expect(tokens.map((token) => token.text).join("")).toBe(tokens.map(({ start, end }) => text.slice(start, end)).join(""));
    expect(tokens.every((token, index) => token.end > token.start && token.start >= (tokens[index - 1]?.end ?? 0))).toBe(true);
  }
});
