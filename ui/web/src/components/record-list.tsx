// The records in the order asked for, of which only those on screen are in the document.

import { useVirtualizer } from "@tanstack/react-virtual";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { LogRecord, Order } from "../api/logs";
import { monthDay, timeOfDay } from "../lib/format";
import { levelOf } from "../lib/level";
import { LINE_MAX, fieldText, lineOf, sourceOf } from "../lib/records";
import type { Zone } from "../lib/time-range";
import { Icon } from "./icon";

/** What an opened record probably takes before it is measured; pixels. */
const DETAIL_GUESS = 260;
/** Rows before the end at which older records are fetched. */
const FETCH_AHEAD = 40;

interface Props {
  readonly records: readonly LogRecord[];
  readonly columns: readonly string[];
  readonly open: string | null;
  readonly active: string | null;
  readonly zone: Zone;
  /** Times carry their day. */
  readonly days: boolean;
  /** Rows of two lines, for narrow screens. */
  readonly tall: boolean;
  readonly stale: boolean;
  /** Nothing came yet. */
  readonly waiting: boolean;
  readonly order: Order;
  /** Below the last record: that more come, or that there are no more. */
  readonly foot: ComponentChildren;
  detail(record: LogRecord): ComponentChildren;
  onToggle(id: string): void;
  onEnd(): void;
  onOrder(): void;
  /** Whether the newest record is in view, so that new ones may come in above it. */
  onTop(top: boolean): void;
}

export function RecordList(props: Props) {
  const { records, columns, open, active, zone, days, tall, stale } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const row = tall ? 44 : 24;
  const virtual = useVirtualizer({
    count: records.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (records[index]?.id === open ? row + DETAIL_GUESS : row),
    getItemKey: (index) => records[index]?.id ?? index,
    overscan: 10,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (records.length > 0 && last >= records.length - FETCH_AHEAD) {
      props.onEnd();
    }
  }, [last, records.length]);
  useEffect(() => virtual.measure(), [row]);
  useEffect(() => {
    // A record opened by a click stays where it was clicked; one reached by keys comes into view.
    const index = active === null || active === open ? -1 : records.findIndex((record) => record.id === active);
    if (index >= 0) {
      virtual.scrollToIndex(index, { align: "auto" });
    }
  }, [active]);

  return (
    <div
      ref={scroller}
      class={`records${tall ? " tall" : ""}${stale ? " stale" : ""}`}
      role="grid"
      aria-label="Records"
      aria-readonly="true"
      aria-busy={props.waiting}
      aria-rowcount={records.length + 1}
      aria-activedescendant={active === null ? undefined : rowId(active)}
      tabIndex={0}
      onScroll={(event) => props.onTop(event.currentTarget.scrollTop < row)}
    >
      <div class="head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template(columns, days) }}>
        <span role="columnheader">
          <span class="hidden-text">level</span>
        </span>
        <span role="columnheader" aria-sort={props.order === "newest" ? "descending" : "ascending"}>
          <button type="button" tabIndex={-1} title={props.order === "newest" ? "Newest first. Click: oldest first." : "Oldest first. Click: newest first."} onClick={props.onOrder}>
            time
            <Icon name={props.order} />
          </button>
        </span>
        <span role="columnheader">source</span>
        {columns.map((column) => (
          <span key={column} role="columnheader">
            {column}
          </span>
        ))}
        <span role="columnheader">message</span>
      </div>
      {props.waiting && records.length === 0 && <Skeleton />}
      <div class="space" role="rowgroup" style={{ height: `${virtual.getTotalSize()}px` }}>
        {items.map((item) => {
          const record = records[item.index];
          return (
            record && (
              <div key={item.key} ref={virtual.measureElement} data-index={item.index} class="slot" role="presentation" style={{ transform: `translateY(${item.start}px)` }}>
                <Row record={record} index={item.index} columns={columns} zone={zone} days={days} open={record.id === open} active={record.id === active} onToggle={props.onToggle} />
                {record.id === open && (
                  <div role="row" aria-rowindex={item.index + 2}>
                    <div role="gridcell">{props.detail(record)}</div>
                  </div>
                )}
              </div>
            )
          );
        })}
      </div>
      {props.foot !== "" && (
        <div class="foot" role="row">
          <span role="gridcell">{props.foot}</span>
        </div>
      )}
    </div>
  );
}

/** Where rows will stand. */
function Skeleton() {
  return (
    <div class="skeleton rows" role="presentation">
      {Array.from({ length: 24 }, (_, index) => (
        <i key={index} style={{ width: `${30 + ((index * 37) % 60)}%` }} />
      ))}
    </div>
  );
}

function rowId(id: string): string {
  return `record-${id}`;
}

interface RowProps {
  readonly record: LogRecord;
  readonly index: number;
  readonly columns: readonly string[];
  readonly zone: Zone;
  readonly days: boolean;
  readonly open: boolean;
  readonly active: boolean;
  onToggle(id: string): void;
}

function Row({ record, index, columns, zone, days, open, active, onToggle }: RowProps) {
  const level = levelOf(record.level);
  const time = Date.parse(record.time);
  const severe = record.level !== null && record.level <= 3;
  const toggle = () => {
    // Marking text to copy it is not a click.
    if (getSelection()?.isCollapsed !== false) {
      onToggle(record.id);
    }
  };
  return (
    <div
      class={`record${open ? " open" : ""}${active ? " active" : ""}${severe ? " severe" : ""}`}
      id={rowId(record.id)}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={active}
      style={{ gridTemplateColumns: template(columns, days), "--tone": `var(${level.tone})` }}
      onClick={toggle}
    >
      <span class="level" role="gridcell">
        <button type="button" aria-expanded={open} aria-label={`${level.name}, fields of this record`} title={level.name} tabIndex={-1}>
          {level.letter}
        </button>
      </span>
      <span class="time" role="gridcell">
        {days && <i>{monthDay(time, zone)} </i>}
        {timeOfDay(time, zone)}
      </span>
      <span class="source" role="gridcell">
        {sourceOf(record).value}
      </span>
      {columns.map((column) => (
        <span key={column} class="extra" role="gridcell">
          {fieldText(record, column).slice(0, LINE_MAX)}
        </span>
      ))}
      <span class="line" role="gridcell">
        {lineOf(record)}
      </span>
    </div>
  );
}

function template(columns: readonly string[], days: boolean): string {
  return `30px ${days ? "148px" : "100px"} minmax(84px, 128px) ${columns.map(() => "minmax(72px, 140px) ").join("")}minmax(0, 1fr)`;
}
