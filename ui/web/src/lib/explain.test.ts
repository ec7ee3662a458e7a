import { expect, test } from "vitest";
import type { Explained } from "../api/explain";
import { explainRows, rowAfter, totalSeconds } from "./explain";

function node(expr: string, text: string, seconds: number, children: readonly Explained[] = []): Explained {
  const start = new TextEncoder().encode(expr.slice(0, expr.indexOf(text))).length;
  return { text, kind: "call", start, end: start + new TextEncoder().encode(text).length, series: 1, points: 1, samples_read: 0, seconds, reused: false, children };
}

const EXPR = 'rate(a{b="é"}[5m]) / sum(c)';
const TREE = node(EXPR, EXPR, 1, [node(EXPR, 'rate(a{b="é"}[5m])', 2, [node(EXPR, 'a{b="é"}[5m]', 5)]), node(EXPR, "sum(c)", 0, [node(EXPR, "c", 2)])]);

test("rows come from the root down, with their place and part of the time", () => {
  const rows = explainRows(EXPR, TREE, new Set());
  expect(rows.map(({ id, level, position, siblings, open, share }) => [id, level, position, siblings, open, share])).toEqual([
    ["0", 1, 1, 1, true, 0.1],
    ["0.0", 2, 1, 2, true, 0.2],
    ["0.0.0", 3, 1, 1, null, 0.5],
    ["0.1", 2, 2, 2, true, 0],
    ["0.1.0", 3, 1, 1, null, 0.2],
  ]);
  expect(rows.map(({ place }) => EXPR.slice(place.start, place.end))).toEqual(rows.map((row) => row.node.text));
  expect(totalSeconds(TREE)).toBe(10);
});

test("what is below a closed row is left out", () => {
  expect(explainRows(EXPR, TREE, new Set(["0.0"])).map((row) => row.id)).toEqual(["0", "0.0", "0.1", "0.1.0"]);
  expect(explainRows(EXPR, { ...TREE, seconds: 0, children: [] }, new Set())[0]?.share).toBe(0);
});

test("keys lead through the tree", () => {
  const rows = explainRows(EXPR, TREE, new Set(["0.1"]));
  const after = (id: string, key: string) => rowAfter(rows, id, key)?.id ?? null;
  expect([after("0", "ArrowDown"), after("0.1", "ArrowDown"), after("0.1", "ArrowUp"), after("0", "ArrowUp")]).toEqual(["0.0", null, "0.0.0", null]);
  expect([after("0", "ArrowRight"), after("0.1", "ArrowRight"), after("0.0.0", "ArrowLeft"), after("0", "ArrowLeft")]).toEqual(["0.0", null, "0.0", null]);
  expect([after("0.0", "Home"), after("0.0", "End"), after("0.0", "x")]).toEqual(["0", "0.1", null]);
});
