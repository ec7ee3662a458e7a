// What an answer holds and what it cost.

import type { Cost } from "../api/logs";
import { bytes, count, duration, plural } from "../lib/format";

interface Props {
  readonly loaded: number;
  /** All that match, once counted. */
  readonly total: number | null;
  readonly cost: Cost | null;
  readonly partial: readonly string[];
  readonly running: boolean;
}

export function CostLine({ loaded, total, cost, partial, running }: Props) {
  const records = total === null || total <= loaded ? plural(loaded, "record") : `${count(loaded)} of ${plural(total, "record")}`;
  return (
    <div class="cost" role="status">
      <span>{records}</span>
      {cost && <span>{duration(cost.elapsed_ms)}</span>}
      {cost && (
        <span class="granules" title={`${count(cost.records_scanned)} records scanned, ${bytes(cost.bytes_read)} read, ${count(cost.granules_pruned)} granules skipped by the index`}>
          {count(cost.granules_read)} of {plural(cost.granules, "granule")} read
        </span>
      )}
      {running ? <span>running…</span> : partial.length > 0 ? <b title={partial.join("\n")}>partial: {partial.join("; ")}</b> : cost && <span>complete</span>}
    </div>
  );
}
