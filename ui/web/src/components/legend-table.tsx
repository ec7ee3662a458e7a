// The series of a chart with their figures. Click shows only one, Ctrl-click turns one on or off.

import { sample } from "../lib/format";
import { seriesName, type LabelSet, type SeriesColor, type Statistics } from "../lib/series";

export interface LegendEntry {
  readonly key: string;
  readonly labels: LabelSet;
  readonly color: SeriesColor;
  readonly dashed: boolean;
  readonly shown: boolean;
  readonly statistics: Statistics;
  /** Under the pointer; `undefined` when the pointer is elsewhere. */
  readonly current: number | null | undefined;
}

interface Props {
  readonly entries: readonly LegendEntry[];
  /** Labels that all series share and the names leave out. */
  readonly hidden: ReadonlySet<string>;
  onIsolate(key: string): void;
  onToggle(key: string): void;
}

export function LegendTable({ entries, hidden, onIsolate, onToggle }: Props) {
  const pointed = entries.some((entry) => entry.current !== undefined);
  const figure = (value: number | null | undefined) => (value === null || value === undefined ? "–" : sample(value));
  return (
    <table class="table legend">
      <thead>
        <tr>
          <th>Series</th>
          <th class="number">{pointed ? "here" : "last"}</th>
          <th class="number">min</th>
          <th class="number">max</th>
          <th class="number">mean</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.key} class={entry.shown ? "" : "off"}>
            <td>
              <button
                type="button"
                aria-pressed={entry.shown}
                title="Click: only this series. Ctrl-click: on or off."
                onClick={(event) => (event.ctrlKey || event.metaKey || event.shiftKey ? onToggle(entry.key) : onIsolate(entry.key))}
              >
                <svg width="16" height="4" aria-hidden="true">
                  <path d="M0 2h16" stroke-width="3" stroke-dasharray={entry.dashed ? "4 2" : undefined} style={{ stroke: `var(${entry.color})` }} />
                </svg>
                <span class="mono">{seriesName(entry.labels, hidden)}</span>
              </button>
            </td>
            <td class="number strong">{figure(pointed ? entry.current : entry.statistics.last)}</td>
            <td class="number">{figure(entry.statistics.min)}</td>
            <td class="number">{figure(entry.statistics.max)}</td>
            <td class="number">{figure(entry.statistics.mean)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
