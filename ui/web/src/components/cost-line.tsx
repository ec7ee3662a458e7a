// What an answer holds and what it cost: a line, and on demand every figure.

import { useState } from "preact/hooks";
import type { Cost } from "../api/logs";
import { figures, stages } from "../lib/cost";
import { bytes, count, duration, plural } from "../lib/format";
import { Icon } from "./icon";

interface Props {
  readonly loaded: number;
  /** All that match, once counted. */
  readonly total: number | null;
  /** What is counted. */
  readonly noun?: string;
  readonly cost: Cost | null;
  readonly partial: readonly string[];
  readonly running: boolean;
}

export function CostLine({ loaded, total, noun = "record", cost, partial, running }: Props) {
  const [open, setOpen] = useState(false);
  const amount = total === null || total <= loaded ? plural(loaded, noun) : `${count(loaded)} of ${plural(total, noun)}`;
  return (
    <footer class="cost-foot" aria-label="Cost">
      {open && cost && <Details cost={cost} partial={partial} />}
      <div class="cost">
        <span class="words" role="status">
          <span>{amount}</span>
          {cost && <span>{duration(cost.elapsed_ms)}</span>}
          {cost && <span class="granules">{bytes(cost.bytes_read)} read</span>}
          {cost && (
            <span class="granules">
              {count(cost.granules_read)} of {plural(cost.granules, "granule")} read
            </span>
          )}
          {running ? <span>running…</span> : partial.length > 0 ? <b title={partial.join("\n")}>partial: {partial.join("; ")}</b> : cost && <span>complete</span>}
        </span>
        {cost && (
          <button type="button" class="button quiet small" aria-expanded={open} aria-label="What it cost" title="What it cost" onClick={() => setOpen(!open)}>
            <Icon name="more" />
          </button>
        )}
      </div>
    </footer>
  );
}

function Details({ cost, partial }: { readonly cost: Cost; readonly partial: readonly string[] }) {
  return (
    <div class="cost-detail">
      <dl>
        {figures(cost).map(({ name, value, about }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
            <dd class="quiet">{about}</dd>
          </div>
        ))}
      </dl>
      <ul class="stages" aria-label="Time by stage">
        {stages(cost).map((stage) => (
          <li key={stage.name}>
            <span>{stage.name}</span>
            <span class="track">
              <span style={{ width: `${stage.share * 100}%` }} />
            </span>
            <span class="mono">{duration(stage.ms)}</span>
          </li>
        ))}
      </ul>
      {partial.length > 0 && (
        <p>
          <b>Missing:</b> {partial.join("; ")}
        </p>
      )}
    </div>
  );
}
