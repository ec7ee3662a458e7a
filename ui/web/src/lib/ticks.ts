// Nice steps and tick marks on time axes.

import type { Span, Zone } from "./time-range";

/** Steps that people read easily, in seconds. */
const NICE_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
] as const;

/** The smallest nice step, in seconds, that cuts the span into at most `pieces`. */
export function niceStep(span: Span, pieces: number): number {
  const exact = (span.end - span.start) / 1000 / Math.max(1, pieces);
  return NICE_STEPS.find((step) => step >= exact) ?? Math.ceil(exact / 86_400) * 86_400;
}

export interface Tick {
  /** Unix milliseconds. */
  readonly time: number;
  readonly label: string;
}

/** Tick marks at round civil times, at most `count` of them, each labelled as short as its step allows. */
export function timeTicks(span: Span, count: number, zone: Zone): Tick[] {
  const step = niceStep(span, count) * 1000;
  const offset = zone === "utc" ? 0 : new Date(span.start).getTimezoneOffset() * 60_000;
  const ticks: Tick[] = [];
  for (let time = Math.ceil((span.start - offset) / step) * step + offset; time <= span.end; time += step) {
    ticks.push({ time, label: tickLabel(time, step, zone) });
  }
  return ticks;
}

function tickLabel(time: number, step: number, zone: Zone): string {
  const shifted = new Date(zone === "utc" ? time : time - new Date(time).getTimezoneOffset() * 60_000).toISOString();
  const clock = shifted.slice(11, step < 60_000 ? 19 : 16);
  if (step >= 86_400_000) {
    return shifted.slice(5, 10);
  }
  return clock === "00:00" ? shifted.slice(5, 10) : clock;
}
