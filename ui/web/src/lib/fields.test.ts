import { expect, test } from "vitest";
import type { FieldSummary } from "../api/logs";
import { fieldType, splitFields, withValues } from "./fields";

function field(name: string, types: readonly string[], records: number, values: number): FieldSummary {
  return { name, types, records, values: Array.from({ length: values }, (_, index) => ({ value: `v${index}`, records: 1 })) };
}

test("types in a word", () => {
  expect([["string"], ["i64", "f64"], ["bool"], ["string", "i64"], [], ["date"]].map(fieldType)).toEqual(["text", "number", "bool", "mixed", "", "date"]);
});

test("longer lists of values take the place of shorter ones", () => {
  const all = withValues([field("a", [], 1, 2), field("b", [], 1, 2)], [field("b", [], 1, 5), field("c", [], 1, 9)]);
  expect(all.map(({ name, values }) => [name, values.length])).toEqual([["a", 2], ["b", 5]]);
  expect(withValues([field("a", [], 1, 2)], [field("a", [], 1, 1)])[0]?.values.length).toBe(2);
});

test("a histogram is split by texts, the fullest first, and by what is chosen", () => {
  const fields = [field("took", ["f64"], 9, 9), field("service", ["string"], 5, 3), field("image", ["string"], 8, 2), field("message", ["string"], 9, 1), field("id", ["string"], 9, 0)];
  expect(splitFields(fields, "took")).toEqual(["level", "host", "stream", "image", "service", "took"]);
  expect(splitFields([], "")).toEqual(["level", "host", "stream"]);
});
