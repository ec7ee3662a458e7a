// The tree of an expression: what each part returned and cost. A row that is pointed at or has the focus tells its place.

import { useMemo, useRef, useState } from "preact/hooks";
import type { Explained } from "../api/explain";
import { explainRows, rowAfter, totalSeconds, type ExplainRow } from "../lib/explain";
import { compact, count, duration } from "../lib/format";
import type { Place } from "../lib/remarks";
import { Icon } from "./icon";

interface Props {
  readonly label: string;
  /** The expression that the tree is of. */
  readonly expr: string;
  readonly tree: Explained;
  readonly stale: boolean;
  onPlace(place: Place | null): void;
}

export function ExplainTree({ label, expr, tree, stale, onPlace }: Props) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState("0");
  const table = useRef<HTMLTableElement>(null);
  const rows = useMemo(() => explainRows(expr, tree, closed), [expr, tree, closed]);
  // The active row may have gone with an older tree or below a closed row.
  const stop = rows.some((row) => row.id === active) ? active : "0";

  const toggle = (id: string) =>
    setClosed((before) => {
      const next = new Set(before);
      if (!next.delete(id)) {
        next.add(id);
      }
      return next;
    });
  const press = (event: KeyboardEvent, row: ExplainRow) => {
    const opens = row.open === false && (event.key === "ArrowRight" || event.key === "Enter" || event.key === " ");
    const closes = row.open === true && (event.key === "ArrowLeft" || event.key === "Enter" || event.key === " ");
    const next = opens || closes ? null : rowAfter(rows, row.id, event.key);
    if (opens || closes || next) {
      event.preventDefault();
    }
    if (opens || closes) {
      toggle(row.id);
    } else if (next) {
      setActive(next.id);
      table.current?.querySelector<HTMLElement>(`[data-id="${next.id}"]`)?.focus();
    }
  };

  return (
    <table ref={table} class={`table explain-tree${stale ? " stale" : ""}`} role="treegrid" aria-label={label} onMouseLeave={() => onPlace(null)}>
      <thead>
        <tr>
          <th>Part</th>
          <th class="kind">Kind</th>
          <th class="number">Series</th>
          <th class="number points">Points</th>
          <th class="number">Samples read</th>
          <th class="number time">CPU {duration(totalSeconds(tree) * 1000)}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr
            key={row.id}
            data-id={row.id}
            tabIndex={row.id === stop ? 0 : -1}
            aria-level={row.level}
            aria-posinset={row.position}
            aria-setsize={row.siblings}
            aria-expanded={row.open ?? undefined}
            onKeyDown={(event) => press(event, row)}
            onMouseEnter={() => onPlace(row.place)}
            onFocus={() => {
              setActive(row.id);
              onPlace(row.place);
            }}
            onBlur={() => onPlace(null)}
            onClick={() => row.open !== null && toggle(row.id)}
          >
            <td class="part" style={{ "--level": row.level - 1 }}>
              <span>
                <i class={row.open === null ? "leaf" : row.open ? "twist open" : "twist"}>{row.open !== null && <Icon name="chevron" />}</i>
                <code title={row.node.text}>{row.node.text}</code>
                {row.node.reused && <b title="Stands elsewhere too and was answered once">reused</b>}
              </span>
            </td>
            <td class="kind quiet">{row.node.kind}</td>
            <td class="number" title={count(row.node.series)}>{compact(row.node.series)}</td>
            <td class="number points" title={count(row.node.points)}>{compact(row.node.points)}</td>
            <td class="number" title={count(row.node.samples_read)}>{row.node.samples_read === 0 ? "–" : compact(row.node.samples_read)}</td>
            <td class="number time">
              <span>{duration(row.node.seconds * 1000)}</span>
              <span class="track">
                <span style={{ width: `${Math.round(row.share * 1000) / 10}%` }} />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
