// What an answer cost, as the page tells it.

import type { Cost } from "../api/logs";
import { bytes, count, duration } from "./format";

export interface Stage {
  readonly name: string;
  readonly ms: number;
  /** Of all the time, 0 to 1. */
  readonly share: number;
}

/** The time by stage; what no stage counted is the last. */
export function stages(cost: Cost): readonly Stage[] {
  const known: readonly (readonly [string, number])[] = [
    ["planning", cost.planning_ms],
    ["filtering", cost.filtering_ms],
    ["collecting", cost.collecting_ms],
  ];
  const told = known.reduce((sum, [, ms]) => sum + ms, 0);
  // Stages run on several cores at once, so that they can take more together than the clock saw.
  const whole = Math.max(cost.elapsed_ms, told);
  const rest = Math.max(0, cost.elapsed_ms - told);
  return [...known, ["other", rest] as const].map(([name, ms]) => ({ name, ms, share: whole > 0 ? ms / whole : 0 }));
}

/** Each figure with its name and what it means. */
export function figures(cost: Cost): readonly { readonly name: string; readonly value: string; readonly about: string }[] {
  return [
    { name: "Granules", value: count(cost.granules), about: "runs of records that the range touches" },
    { name: "pruned", value: count(cost.granules_pruned), about: "left out because of the index" },
    { name: "summed", value: count(cost.granules_summed), about: "answered from the index alone" },
    { name: "read", value: count(cost.granules_read), about: "looked into" },
    { name: "false", value: count(cost.granules_false), about: "looked into for nothing" },
    { name: "Records scanned", value: count(cost.records_scanned), about: "compared one by one" },
    { name: "Bytes read", value: bytes(cost.bytes_read), about: "from blocks and memory" },
    { name: "Time", value: duration(cost.elapsed_ms), about: "on the server" },
  ];
}
