import { expect, test } from "vitest";
import { KeyReader } from "./keys";

const KNOWN = new Set(["/", "g l", "g m", "l"]);

function press(keys: readonly (readonly [string, number])[]) {
  const reader = new KeyReader();
  return keys.map(([key, at]) => reader.press(key, at, KNOWN));
}

test("sequences and single keys", () => {
  expect(press([["/", 0]])).toEqual(["/"]);
  expect(press([["g", 0], ["l", 100], ["l", 200]])).toEqual([null, "g l", "l"]);
  expect(press([["g", 0], ["l", 5_000]])).toEqual([null, "l"]);
  expect(press([["g", 0], ["z", 1], ["m", 2]])).toEqual([null, null, null]);
});
