// How full something is: a bar, and a mark where its limit stands (0 draws none). The figures stand beside it in words.

import type { Gauge } from "../lib/storage";

interface Props extends Gauge {
  readonly label: string;
  /** The figures in words, for screen readers. */
  readonly text: string;
  /** The most that was used, as a share of the scale. */
  readonly peak?: number;
}

export function Meter({ label, text, used, limit, tone, peak }: Props) {
  const at = (place: number) => ({ left: `${place * 100}%` });
  return (
    <div class={`meter tone-${tone}`} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(used * 100)} aria-valuetext={text}>
      <span class="used" style={{ width: `${used * 100}%` }} />
      {peak !== undefined && peak > 0 && <span class="peak" style={at(peak)} />}
      {limit > 0 && <span class="limit" style={at(limit)} />}
    </div>
  );
}
