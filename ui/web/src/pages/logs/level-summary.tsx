// Above the histogram: how many records of each level, each a filter.

import type { Histogram } from "../../api/logs";
import { Icon } from "../../components/icon";
import { compact, count, plural } from "../../lib/format";
import { levelOf } from "../../lib/level";
import { hasCondition, type FilterMode } from "../../lib/log-query";

interface Props {
  readonly histogram: Histogram | null;
  readonly query: string;
  readonly open: boolean;
  /** Opens the field drawer, where the fields have no place beside the records. */
  readonly fieldsButton: (() => void) | null;
  readonly onZoomOut: (() => void) | null;
  onFilter(field: string, value: string, mode: FilterMode): void;
  onToggle(): void;
}

export function LevelSummary({ histogram, query, open, fieldsButton, onFilter, onToggle, onZoomOut }: Props) {
  const levels = (histogram?.series ?? [])
    .map((series) => ({ value: series.value, level: levelOf(series.value), records: series.counts.reduce((sum, n) => sum + n, 0) }))
    .filter((entry) => entry.records > 0)
    .sort((a, b) => (a.level.number ?? 8) - (b.level.number ?? 8));
  return (
    <div class="summary">
      <button type="button" class="button quiet small" aria-expanded={open} aria-label="Histogram" title="Histogram" onClick={onToggle}>
        <Icon name="chevron" />
      </button>
      <span class="total">{histogram && open ? plural(histogram.total, "record") : "Records over time"}</span>
      {open && (
        <div class="levels" role="group" aria-label="Only one level">
          {levels.map(({ value, level, records }) => (
            <button
              key={level.name}
              type="button"
              class="chip"
              disabled={value === null}
              aria-pressed={value !== null && hasCondition(query, "level", value) === "include"}
              title={`${count(records)} ${level.name}`}
              onClick={() => value !== null && onFilter("level", value, "include")}
            >
              <i style={{ background: `var(${level.tone})` }} />
              {level.name} <span class="mono">{compact(records)}</span>
            </button>
          ))}
        </div>
      )}
      {onZoomOut && (
        <button type="button" class="button quiet small" onClick={onZoomOut} title="Zoom out">
          <Icon name="zoomOut" />
          <span class="hidden-text">Zoom out</span>
        </button>
      )}
      {fieldsButton && (
        <button type="button" class="button small" onClick={fieldsButton}>
          <Icon name="filter" />
          Fields
        </button>
      )}
    </div>
  );
}
