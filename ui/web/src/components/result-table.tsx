// Rows of results with columns to sort by. Of long tables only the rows on screen are in the document.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "preact/hooks";
import type { Cell, ColumnType, Table } from "../api/logs";
import { sample } from "../lib/format";
import { cellText, sortRows, type TableSort } from "../lib/table";
import { formatAbsolute, type Zone } from "../lib/time-range";
import { Icon } from "./icon";

/** Height of a row; pixels. */
const ROW = 26;
/** A table of so many rows is drawn whole, so that the browser finds and prints all of it. */
const WHOLE_MAX = 200;
/** Characters of a cell that are drawn. */
const CELL_MAX = 300;

interface Props {
  readonly table: Pick<Table, "columns" | "types" | "rows">;
  readonly sort: TableSort | null;
  readonly zone: Zone;
  readonly stale: boolean;
  onSort(sort: TableSort | null): void;
}

export function ResultTable({ table, sort, zone, stale, onSort }: Props) {
  const { columns, types, rows } = table;
  const scroller = useRef<HTMLDivElement>(null);
  const at = sort === null ? -1 : columns.indexOf(sort.column);
  const ordered = useMemo(() => (sort === null || at < 0 ? rows : sortRows(rows, at, types[at] ?? "mixed", sort.descending)), [rows, at, sort?.descending]);
  const virtual = useVirtualizer({ count: ordered.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const items = virtual.getVirtualItems();
  const whole = ordered.length <= WHOLE_MAX;
  const drawn = whole ? ordered.map((_, index) => index) : items.map((item) => item.index);
  const above = whole ? 0 : (items[0]?.start ?? 0);
  const below = whole ? 0 : virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  const press = (column: string, type: ColumnType) => {
    const first = type === "number" || type === "time";
    if (sort?.column !== column) {
      onSort({ column, descending: first });
    } else {
      onSort(sort.descending === first ? { column, descending: !first } : null);
    }
  };
  return (
    <div ref={scroller} class={`result-table${stale ? " stale" : ""}`} tabIndex={0} role="region" aria-label="Rows">
      <table class="table" aria-rowcount={ordered.length + 1}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const type = types[index] ?? "text";
              const sorted = sort?.column === column ? (sort.descending ? "descending" : "ascending") : "none";
              return (
                <th key={column} scope="col" class={type === "number" ? "number" : ""} aria-sort={sorted}>
                  <button type="button" title={`${type}. Click: order by it.`} onClick={() => press(column, type)}>
                    {column}
                    {sorted !== "none" && <Icon name={sorted === "descending" ? "newest" : "oldest"} />}
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Gap height={above} columns={columns.length} />}
          {drawn.map((row) => (
            <tr key={row} aria-rowindex={row + 2}>
              {columns.map((column, index) => (
                <DrawnCell key={column} cell={ordered[row]?.[index]} type={types[index] ?? "text"} zone={zone} />
              ))}
            </tr>
          ))}
          {below > 0 && <Gap height={below} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

function DrawnCell({ cell, type, zone }: { readonly cell: Cell | undefined; readonly type: ColumnType; readonly zone: Zone }) {
  const text = cellText(cell);
  if (text === "") {
    return (
      <td class={type === "number" ? "number none" : "none"}>
        <span aria-label={cell === "" ? "empty" : "missing"}>{cell === "" ? '""' : "–"}</span>
      </td>
    );
  }
  const time = type === "time" ? Date.parse(text) : NaN;
  const drawn = Number.isNaN(time) ? (typeof cell === "number" && !Number.isInteger(cell) ? sample(cell) : text) : formatAbsolute(time, zone);
  return (
    <td class={type === "number" ? "number" : "mono"} title={drawn === text && text.length < 40 ? undefined : text.slice(0, 4 * CELL_MAX)}>
      {drawn.slice(0, CELL_MAX)}
    </td>
  );
}

/** Holds the place of rows that are not drawn. */
function Gap({ height, columns }: { readonly height: number; readonly columns: number }) {
  return (
    <tr class="gap" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${height}px` }} />
    </tr>
  );
}
