// A table of results: cells as text, rows in another order, all of it as CSV.

import type { Cell, ColumnType } from "../api/logs";

export type Row = readonly Cell[];

/** The column a table is ordered by; `null` keeps the server's order. */
export interface TableSort {
  readonly column: string;
  readonly descending: boolean;
}

/** A cell as text; what is missing is empty. */
export function cellText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) {
    return "";
  }
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

/** The rows by one column. Equal rows keep their order, and rows without a value stay last either way. */
export function sortRows(rows: readonly Row[], index: number, type: ColumnType, descending: boolean): readonly Row[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [a[index] ?? null, b[index] ?? null];
    if (left === null || right === null) {
      return left === right ? 0 : left === null ? 1 : -1;
    }
    return sign * compared(left, right, type);
  });
}

/** CSV with a head line, as RFC 4180 says: CRLF, quotes where a cell needs them. */
export function csv(columns: readonly string[], rows: readonly Row[]): string {
  const line = (cells: readonly (Cell | undefined)[]) => cells.map((cell) => csvCell(cellText(cell))).join(",");
  return [line(columns), ...rows.map((row) => line(columns.map((_, index) => row[index])))].map((text) => `${text}\r\n`).join("");
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function compared(left: Cell, right: Cell, type: ColumnType): number {
  if (typeof left === "number" && typeof right === "number") {
    return left - right;
  }
  if (type === "mixed" && typeof left !== typeof right) {
    // Numbers stand before texts.
    return typeof left === "number" ? -1 : typeof right === "number" ? 1 : compareText(cellText(left), cellText(right));
  }
  return compareText(cellText(left), cellText(right));
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
