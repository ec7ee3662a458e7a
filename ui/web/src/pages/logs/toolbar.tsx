// Above the records: how many of each part of the histogram, what splits it, their order, and what else can be done.

import type { ComponentChildren } from "preact";
import type { Order } from "../../api/logs";
import { Icon } from "../../components/icon";
import { compact, count, plural } from "../../lib/format";
import { layerTotal, type Bars } from "../../lib/histogram";
import { hasCondition, type FilterMode } from "../../lib/log-query";
import type { LogsView } from "../../lib/view";

interface Props {
  readonly bars: Bars | null;
  readonly total: number | null;
  readonly query: string;
  readonly open: boolean;
  readonly by: string;
  /** Fields that the histogram can be split by. */
  readonly splits: readonly string[];
  readonly panel: LogsView["panel"];
  /** `null` where records are not listed. */
  readonly order: Order | null;
  /** Opens the field drawer, where the fields have no place beside the records. */
  readonly fieldsButton: (() => void) | null;
  readonly onZoomOut: (() => void) | null;
  readonly children: ComponentChildren;
  onFilter(field: string, value: string, mode: FilterMode): void;
  onToggle(): void;
  onSplit(by: string): void;
  onOrder(): void;
  onPanel(panel: LogsView["panel"]): void;
}

export function Toolbar(props: Props) {
  const { bars, total, query, open, by, splits, panel, order, fieldsButton, onZoomOut } = props;
  const panelButton = (name: "saved" | "explain", label: string) => (
    <button type="button" class="button quiet small" aria-pressed={panel === name} aria-label={label} title={label} onClick={() => props.onPanel(panel === name ? null : name)}>
      <Icon name={name} />
      <span class="word">{label}</span>
    </button>
  );
  return (
    <div class="summary" role="toolbar" aria-label="Records">
      <button type="button" class="button quiet small" aria-expanded={open} aria-label="Histogram" title="Histogram" onClick={props.onToggle}>
        <Icon name="chevron" />
      </button>
      <span class="total">{total !== null && open ? plural(total, "record") : "Records over time"}</span>
      {open && (
        <>
          <label class="split" title="What splits the bars">
            <span>by</span>
            <select class="input" value={by} aria-label="Split the histogram by" onInput={(event) => props.onSplit(event.currentTarget.value)}>
              <option value="">nothing</option>
              {splits.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <div class="levels" role="group" aria-label={`Only one ${by}`} tabIndex={-1}>
            {(bars?.layers ?? [])
              .map((layer) => ({ ...layer, records: layerTotal(layer) }))
              .filter((layer) => layer.records > 0)
              .map(({ name, tone, value, records }) => (
                <button
                  key={name}
                  type="button"
                  class="chip"
                  disabled={value === null}
                  aria-pressed={value === null ? undefined : hasCondition(query, by, value) === "include"}
                  title={`${count(records)} ${name}`}
                  onClick={() => value !== null && props.onFilter(by, value, "include")}
                >
                  <i style={{ background: `var(${tone})` }} />
                  {name} <span class="mono">{compact(records)}</span>
                </button>
              ))}
          </div>
        </>
      )}
      <span class="spring" />
      {onZoomOut && (
        <button type="button" class="button quiet small" onClick={onZoomOut} title="Zoom out" aria-label="Zoom out">
          <Icon name="zoomOut" />
        </button>
      )}
      {order !== null && (
        <button
          type="button"
          class="button quiet small"
          aria-label={order === "newest" ? "Newest first" : "Oldest first"}
          title={order === "newest" ? "Newest first. Click: oldest first." : "Oldest first. Click: newest first."}
          onClick={props.onOrder}
        >
          <Icon name={order} />
          <span class="word">{order === "newest" ? "Newest first" : "Oldest first"}</span>
        </button>
      )}
      {props.children}
      {panelButton("explain", "Explain")}
      {panelButton("saved", "Saved")}
      {fieldsButton && (
        <button type="button" class="button small" aria-label="Fields" title="Fields" onClick={fieldsButton}>
          <Icon name="filter" />
        </button>
      )}
    </div>
  );
}
