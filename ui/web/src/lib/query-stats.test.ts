import { expect, test } from "vitest";
import { addStats, statsWords } from "./query-stats";

test("figures of several queries add up, the peak is the highest", () => {
  const one = { timings: { evalTotalTime: 0.012, execQueueTime: 0.0001 }, samples: { totalQueryableSamples: 1_200_000, peakSamples: 40_000 }, peakBytes: 3 * 1024 ** 2 };
  const two = { timings: { evalTotalTime: 0.003, execQueueTime: 0.002 }, samples: { totalQueryableSamples: 1_000, peakSamples: 41_000 } };
  expect(statsWords(addStats([one, undefined, two]))).toEqual(["1.2M samples read", "peak 41k samples, 3 MiB", "15 ms in the engine", "2.1 ms in the queue"]);
  expect(statsWords(addStats([one])).length).toBe(3);
});

test("what a server does not count is not said", () => {
  expect(statsWords(addStats([undefined]))).toEqual([]);
  expect(statsWords({ samples: { peakSamples: 7 } })).toEqual(["peak 7 samples"]);
});
