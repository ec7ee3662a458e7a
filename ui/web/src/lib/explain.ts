// The tree of an explained expression as rows, of which those below a closed one are left out.

import type { Explained } from "../api/explain";
import { byteToIndex } from "./log-query";
import type { Place } from "./remarks";

export interface ExplainRow {
  /** Unique in the tree: the positions among siblings from the root on, `0.1`. */
  readonly id: string;
  readonly node: Explained;
  /** From 1. */
  readonly level: number;
  /** From 1 among its siblings, of so many. */
  readonly position: number;
  readonly siblings: number;
  /** `null` without children. */
  readonly open: boolean | null;
  /** Its part of the whole tree's CPU time, 0 to 1. */
  readonly share: number;
  /** Where it stands in the expression. */
  readonly place: Place;
}

/** Rows from the root down, children behind their parent. */
export function explainRows(expr: string, tree: Explained, closed: ReadonlySet<string>): readonly ExplainRow[] {
  const total = totalSeconds(tree);
  const rows: ExplainRow[] = [];
  const add = (node: Explained, id: string, level: number, position: number, siblings: number) => {
    const open = node.children.length === 0 ? null : !closed.has(id);
    const place = { start: byteToIndex(expr, node.start), end: byteToIndex(expr, node.end) };
    rows.push({ id, node, level, position, siblings, open, share: total > 0 ? node.seconds / total : 0, place });
    if (open === true) {
      node.children.forEach((child, index) => add(child, `${id}.${index}`, level + 1, index + 1, node.children.length));
    }
  };
  add(tree, "0", 1, 1, 1);
  return rows;
}

/** CPU seconds of a part and all below it. */
export function totalSeconds(node: Explained): number {
  return node.children.reduce((sum, child) => sum + totalSeconds(child), node.seconds);
}

/** The row that a key leads to in a tree; `null` where it leads nowhere. */
export function rowAfter(rows: readonly ExplainRow[], id: string, key: string): ExplainRow | null {
  const index = rows.findIndex((row) => row.id === id);
  const row = rows[index];
  switch (key) {
    case "ArrowDown":
      return rows[index + 1] ?? null;
    case "ArrowUp":
      return rows[index - 1] ?? null;
    case "Home":
      return rows[0] ?? null;
    case "End":
      return rows.at(-1) ?? null;
    case "ArrowRight":
      return row?.open === true ? (rows[index + 1] ?? null) : null;
    case "ArrowLeft":
      return rows.find((other) => other.id === id.slice(0, id.lastIndexOf("."))) ?? null;
    default:
      return null;
  }
}
