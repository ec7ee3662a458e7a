import { expect, test } from "vitest";
import { lossCure, lossWords, mostFirst, sumOf } from "./losses";

test("known reasons have words and a cure, unknown ones are shown as they are", () => {
  expect(lossWords("kernel_buffer_full")).toBe("dropped by the kernel");
  expect(lossCure("kernel_buffer_full")).toContain("rmem_max");
  expect([lossWords("sun_spots"), lossCure("sun_spots")]).toEqual(["sun_spots", null]);
});

test("losses add up, the most frequent first", () => {
  const losses = [{ reason: "b", count: 2 }, { reason: "none", count: 0 }, { reason: "c", count: 40 }, { reason: "a", count: 2 }];
  expect(sumOf(losses)).toBe(44);
  expect(mostFirst(losses).map((loss) => loss.reason)).toEqual(["c", "a", "b"]);
  expect([sumOf([]), mostFirst([])]).toEqual([0, []]);
});
