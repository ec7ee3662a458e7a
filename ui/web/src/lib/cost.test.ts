import { expect, test } from "vitest";
import type { Cost } from "../api/logs";
import { figures, stages } from "./cost";

const COST: Cost = {
  elapsed_ms: 40,
  granules: 4112,
  granules_pruned: 4000,
  granules_summed: 100,
  granules_read: 12,
  granules_false: 3,
  records_scanned: 98_304,
  bytes_read: 1_048_576,
  planning_ms: 2,
  filtering_ms: 18,
  collecting_ms: 10,
};

test("time by stage, with what no stage counted", () => {
  expect(stages(COST).map(({ name, ms, share }) => [name, ms, share])).toEqual([["planning", 2, 0.05], ["filtering", 18, 0.45], ["collecting", 10, 0.25], ["other", 10, 0.25]]);
  expect(stages({ ...COST, elapsed_ms: 15 }).map(({ share }) => share)).toEqual([2 / 30, 0.6, 1 / 3, 0]);
  expect(stages({ ...COST, elapsed_ms: 0, planning_ms: 0, filtering_ms: 0, collecting_ms: 0 }).every((stage) => stage.share === 0)).toBe(true);
});

test("every figure is named and explained", () => {
  expect(figures(COST).map(({ name, value }) => `${name} ${value}`)).toEqual([
    "Granules 4,112", "pruned 4,000", "summed 100", "read 12", "false 3", "Records scanned 98,304", "Bytes read 1 MiB", "Time 40 ms",
  ]);
});
