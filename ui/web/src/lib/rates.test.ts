import { expect, test } from "vitest";
import { rates } from "./rates";

test("rates are per second and survive a restart", () => {
  const before = { at: 1_000, counters: new Map([["a", 10], ["b", 50]]) };
  const now = { at: 3_000, counters: new Map([["a", 30], ["b", 4], ["new", 9]]) };
  expect([...rates(before, now)]).toEqual([["a", 10], ["b", 2]]);
  expect([...rates(null, now)]).toEqual([]);
  expect([...rates(now, now)]).toEqual([]);
});
