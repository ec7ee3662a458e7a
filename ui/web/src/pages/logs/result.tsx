// What a query with summing pipes answers: as a chart over time, as bars, as figures, and always as a table.

import { Suspense, lazy } from "preact/compat";
import { useMemo, useState } from "preact/hooks";
import type { Table } from "../../api/logs";
import { BarList } from "../../components/bar-list";
import { CopyButton } from "../../components/copy-button";
import { HistogramChart } from "../../components/histogram-chart";
import { Icon } from "../../components/icon";
import { LegendTable } from "../../components/legend-table";
import { ResultTable } from "../../components/result-table";
import { count, plural, sample } from "../../lib/format";
import type { Key } from "../../lib/log-query";
import { statistics } from "../../lib/series";
import { csv, type TableSort } from "../../lib/table";
import { barsOf, canStack, chartOf, gridOf, measures, spanOf, type Bar, type TableChart } from "../../lib/table-chart";
import type { Span, Zone } from "../../lib/time-range";
import type { Showing } from "../../lib/view";
import { ROWS_MAX } from "./use-search";

const TimeSeriesChart = lazy(async () => ({ default: (await import("../../components/time-series-chart")).TimeSeriesChart }));

/** Height of a chart over time; pixels. */
const CHART = 300;
/** Up to so many points a line shows each of them, for a single one between gaps is no line. */
const POINTS_SHOWN_MAX = 120;
const WORDS: Readonly<Record<Showing, string>> = { table: "Table", lines: "Lines", bars: "Bars" };

interface Props {
  readonly table: Table;
  /** Columns that the rows are grouped by. */
  readonly groups: readonly string[];
  /** The query says in which order its rows stand. */
  readonly ordered: boolean;
  readonly show: Showing | null;
  readonly measure: string | null;
  readonly sort: TableSort | null;
  readonly zone: Zone;
  readonly stale: boolean;
  onShow(show: Showing): void;
  onMeasure(measure: string): void;
  onSort(sort: TableSort | null): void;
  onZoom(span: Span): void;
  onZoomOut(): void;
  /** Shows the records that a bar counts; `null` where bars stand for no records. */
  readonly onRecords: ((keys: readonly Key[]) => void) | null;
  /** Asks for as many rows as there may be. */
  onAll(): void;
}

export default function Result(props: Props) {
  const { table, zone, stale, onRecords } = props;
  const chart = useMemo(() => chartOf(table, { measure: props.measure, groups: props.groups, ordered: props.ordered }), [table, props.measure, props.groups.join(), props.ordered]);
  const offered = showings(chart);
  const show = props.show !== null && offered.includes(props.show) ? props.show : (offered.find((name) => name !== "table") ?? "table");
  const numbers = measures(table, props.groups);
  if (table.rows.length === 0) {
    return (
      <div class="empty">
        <h1>No rows</h1>
        <p>Nothing in this range passes the query and its pipes.</p>
      </div>
    );
  }
  return (
    <div class="result">
      <div class="result-bar">
        <div class="segments" role="group" aria-label="Show as">
          {offered.map((name) => (
            <button key={name} type="button" class="button" aria-pressed={show === name} onClick={() => props.onShow(name)}>
              {WORDS[name]}
            </button>
          ))}
        </div>
        {chart?.kind === "bars" && show === "bars" && numbers.length > 1 && (
          <label>
            <span class="hidden-text">Bars show</span>
            <select class="input" value={chart.measure} onInput={(event) => props.onMeasure(event.currentTarget.value)}>
              {numbers.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <span class="quiet" role="status">
          {plural(table.rows.length, "row")}
          {table.truncated && " of more"}
        </span>
        {table.truncated && table.rows.length < ROWS_MAX && (
          <button type="button" class="button small" onClick={props.onAll}>
            Up to {count(ROWS_MAX)}
          </button>
        )}
        <span class="spring" />
        <CopyButton label="Copy the table as CSV" text={() => csv(table.columns, table.rows)}>
          CSV
        </CopyButton>
        <button type="button" class="button quiet small" title="Download the table as CSV" aria-label="Download the table as CSV" onClick={() => download(csv(table.columns, table.rows))}>
          <Icon name="download" />
        </button>
      </div>
      {chart?.kind === "figures" && (
        <dl class="figures">
          {chart.figures.map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value === null ? "–" : Number.isInteger(value) ? count(value) : sample(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {chart?.kind === "bars" && show === "bars" && (
        <div class="result-chart" tabIndex={0} role="region" aria-label="Chart">
          <BarList label={`${chart.measure} by row`} bars={chart.bars} {...(onRecords ? { onPick: (bar: Bar) => onRecords(bar.keys) } : {})} />
          {chart.left > 0 && <p class="quiet">{plural(chart.left, "row")} more in the table.</p>}
        </div>
      )}
      {chart?.kind === "time" && show !== "table" && <OverTime {...props} chart={chart} show={show} />}
      {show === "table" && <ResultTable table={table} sort={props.sort} zone={zone} stale={stale} onSort={props.onSort} />}
    </div>
  );
}

function OverTime({ chart, show, zone, stale, onZoom, onZoomOut }: Props & { readonly chart: Extract<TableChart, { kind: "time" }>; readonly show: Showing }) {
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const grid = useMemo(() => gridOf(chart), [chart]);
  const span = useMemo(() => spanOf(chart), [chart]);
  const lines = useMemo(() => chart.series.map(({ name, color, dash }) => ({ name, color, dash, shown: chosen === null || chosen.has(name) })), [chart, chosen]);
  const shown = useMemo(() => ({ ...chart, series: chart.series.filter(({ name }) => chosen === null || chosen.has(name)) }), [chart, chosen]);
  const toggle = (name: string) => {
    const next = new Set(chosen ?? chart.series.map((entry) => entry.name));
    if (!next.delete(name)) {
      next.add(name);
    }
    setChosen(next.size === 0 || next.size === chart.series.length ? null : next);
  };
  return (
    <div class="result-chart">
      {show === "bars" ? (
        <HistogramChart bars={barsOf(shown)} span={span} zone={zone} stale={stale} height={CHART} onZoom={onZoom} onZoomOut={onZoomOut} />
      ) : (
        <Suspense fallback={<div class="chart" style={{ height: `${CHART}px` }} aria-busy="true" />}>
          <TimeSeriesChart
            grid={grid}
            lines={lines}
            span={span}
            zone={zone}
            zero={true}
            points={chart.times.length <= POINTS_SHOWN_MAX}
            height={CHART}
            stale={stale}
            onCursor={setCursor}
            onZoom={onZoom}
            onZoomOut={onZoomOut}
          />
        </Suspense>
      )}
      <div class="legend-box" tabIndex={0} role="region" aria-label="Series">
        <LegendTable
          hidden={new Set()}
          entries={chart.series.map((entry, index) => ({
            key: entry.name,
            labels: { __name__: entry.name },
            color: entry.color,
            dashed: entry.dash.length > 0 && show === "lines",
            shown: lines[index]?.shown ?? true,
            statistics: statistics(entry.values),
            current: cursor === null || show === "bars" ? undefined : (entry.values[cursor] ?? null),
          }))}
          onIsolate={(name) => setChosen((now) => (now?.size === 1 && now.has(name) ? null : new Set([name])))}
          onToggle={toggle}
        />
        {chart.left > 0 && <p class="quiet">{plural(chart.left, "series")} more in the table.</p>}
      </div>
    </div>
  );
}

function showings(chart: TableChart | null): readonly Showing[] {
  switch (chart?.kind) {
    case "time":
      return canStack(chart) ? ["lines", "bars", "table"] : ["lines", "table"];
    case "bars":
      return ["bars", "table"];
    default:
      return ["table"];
  }
}

/** Hands a text to the browser as a file. */
function download(text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = "watchfire-result.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
