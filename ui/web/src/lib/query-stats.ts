// What a query took, in a few words.

import type { QueryStats } from "../api/prometheus";
import { bytes, compact, duration } from "./format";

/** The figures of several queries as one: samples and times add up, the peak is the highest. */
export function addStats(all: readonly (QueryStats | undefined)[]): QueryStats | null {
  const known = all.filter((stats) => stats !== undefined);
  if (known.length === 0) {
    return null;
  }
  const sum = (of: (stats: QueryStats) => number | undefined) => known.reduce((total, stats) => total + (of(stats) ?? 0), 0);
  return {
    timings: { evalTotalTime: sum((stats) => stats.timings?.evalTotalTime), execQueueTime: sum((stats) => stats.timings?.execQueueTime) },
    samples: {
      totalQueryableSamples: sum((stats) => stats.samples?.totalQueryableSamples),
      peakSamples: Math.max(...known.map((stats) => stats.samples?.peakSamples ?? 0)),
    },
    ...(known.some((stats) => stats.peakBytes !== undefined) ? { peakBytes: Math.max(...known.map((stats) => stats.peakBytes ?? 0)) } : {}),
  };
}

/** `1.2M samples read`, `peak 40k samples, 3 MiB`, `12 ms in the engine`; a wait only where it is worth a word. */
export function statsWords(stats: QueryStats | null): readonly string[] {
  const { timings, samples, peakBytes } = stats ?? {};
  const wait = (timings?.execQueueTime ?? 0) * 1000;
  return [
    ...(samples?.totalQueryableSamples === undefined ? [] : [`${compact(samples.totalQueryableSamples)} samples read`]),
    ...(samples?.peakSamples === undefined ? [] : [`peak ${compact(samples.peakSamples)} samples${peakBytes === undefined ? "" : `, ${bytes(peakBytes)}`}`]),
    ...(timings?.evalTotalTime === undefined ? [] : [`${duration(timings.evalTotalTime * 1000)} in the engine`]),
    ...(wait >= 1 ? [`${duration(wait)} in the queue`] : []),
  ];
}
