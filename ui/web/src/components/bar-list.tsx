// Amounts by name as bars beside each other, the figures in words beside them.

import { sample } from "../lib/format";

interface Props<Bar> {
  readonly label: string;
  readonly bars: readonly Bar[];
  /** Follows a bar to what it counts. */
  onPick?(bar: Bar): void;
}

export function BarList<Bar extends { readonly name: string; readonly value: number }>({ label, bars, onPick }: Props<Bar>) {
  const least = Math.min(0, ...bars.map((bar) => bar.value));
  const span = Math.max(0, ...bars.map((bar) => bar.value)) - least || 1;
  const at = (value: number) => ((value - least) / span) * 100;
  return (
    <ul class="bar-list" aria-label={label}>
      {bars.map((bar, index) => {
        const { name, value } = bar;
        return (
          <li key={`${index} ${name}`}>
            {onPick ? (
              <button type="button" class="name" title={`${name}\nClick: these records.`} onClick={() => onPick(bar)}>
                {name}
              </button>
            ) : (
              <span class="name" title={name}>
                {name}
              </span>
            )}
            <span class="track" aria-hidden="true">
              <span style={{ left: `${at(Math.min(0, value))}%`, width: `${Math.abs(at(value) - at(0))}%` }} />
            </span>
            <span class="mono">{sample(value)}</span>
          </li>
        );
      })}
    </ul>
  );
}
