// Amounts by name as bars beside each other, the figures in words beside them.

import { sample } from "../lib/format";

interface Props {
  readonly label: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

export function BarList({ label, bars }: Props) {
  const least = Math.min(0, ...bars.map((bar) => bar.value));
  const span = Math.max(0, ...bars.map((bar) => bar.value)) - least || 1;
  const at = (value: number) => ((value - least) / span) * 100;
  return (
    <ul class="bar-list" aria-label={label}>
      {bars.map(({ name, value }, index) => (
        <li key={`${index} ${name}`}>
          <span class="name" title={name}>
            {name}
          </span>
          <span class="track" aria-hidden="true">
            <span style={{ left: `${at(Math.min(0, value))}%`, width: `${Math.abs(at(value) - at(0))}%` }} />
          </span>
          <span class="mono">{sample(value)}</span>
        </li>
      ))}
    </ul>
  );
}
