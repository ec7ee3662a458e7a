// The answers over time: the chart, the exemplars on it, and the series' figures below.

import { useMemo, useState } from "preact/hooks";
import { HeatmapChart } from "../../components/heatmap-chart";
import { LegendTable } from "../../components/legend-table";
import { TimeSeriesChart } from "../../components/time-series-chart";
import { thinned, type ExemplarMark } from "../../lib/exemplars";
import type { Heatmap } from "../../lib/heatmap";
import { commonLabels, type Grid } from "../../lib/series";
import type { Span, Zone } from "../../lib/time-range";
import { ExemplarTable, ExemplarTip } from "./exemplar-table";
import type { Series } from "./use-metrics";

/** The chart's height on wide and narrow screens; pixels. */
const CHART_WIDE = 360;
const CHART_NARROW = 240;
/** Legend rows drawn at most. */
const LEGEND_MAX = 200;
/** One exemplar at most is drawn in a square of so many pixels. */
const MARK_ROOM = 10;

interface Props {
  readonly grid: Grid;
  readonly series: readonly Series[];
  /** Of the native histograms among the answers. */
  readonly map: Heatmap | null;
  readonly span: Span;
  readonly zone: Zone;
  readonly zero: boolean;
  readonly narrow: boolean;
  /** Of the page; pixels. */
  readonly width: number;
  readonly stale: boolean;
  /** The answer is there and holds nothing. */
  readonly nothing: boolean;
  /** `null` when they are not wanted. */
  readonly exemplars: readonly ExemplarMark[] | null;
  onZoom(span: Span): void;
  onZoomOut(): void;
}

export function Graph(props: Props) {
  const { grid, series, span, zone, narrow, width, exemplars } = props;
  const height = narrow ? CHART_NARROW : CHART_WIDE;
  const [cursor, setCursor] = useState<number | null>(null);
  const [picked, setPicked] = useState<ReadonlySet<string> | null>(null);
  const [mark, setMark] = useState<ExemplarMark | null>(null);
  // What was picked among other series means nothing among these.
  const chosen = picked !== null && series.some(({ key }) => picked.has(key)) ? picked : null;
  const hidden = useMemo(() => commonLabels(series.map((entry) => entry.labels)), [series]);
  const lines = useMemo(
    () => series.map(({ key, color, dash }) => ({ name: key, color, dash, shown: chosen === null || chosen.has(key) })),
    [series, chosen],
  );
  const marks = useMemo(
    () => thinned(exemplars ?? [], span.start / 1000, span.end / 1000, Math.ceil(width / MARK_ROOM), Math.ceil(height / MARK_ROOM)),
    [exemplars, span.start, span.end, width, height],
  );
  const markIndex = mark === null ? -1 : marks.indexOf(mark);

  const toggle = (key: string) => {
    const next = new Set(chosen ?? series.map((entry) => entry.key));
    if (!next.delete(key)) {
      next.add(key);
    }
    setPicked(next.size === 0 || next.size === series.length ? null : next);
  };
  return (
    <>
      {props.map && (
        <section>
          <h2 class="list-title">
            Native histograms <small>observations of all series by bucket; below, the count of each</small>
          </h2>
          <HeatmapChart map={props.map} span={span} zone={zone} height={height} stale={props.stale} onZoom={props.onZoom} onZoomOut={props.onZoomOut} />
        </section>
      )}
      <TimeSeriesChart
        grid={grid}
        lines={lines}
        span={span}
        zone={zone}
        zero={props.zero}
        height={height}
        stale={props.stale}
        marks={marks}
        markChosen={markIndex}
        onCursor={setCursor}
        onZoom={props.onZoom}
        onZoomOut={props.onZoomOut}
        markTip={(index) => marks[index] && <ExemplarTip mark={marks[index]} zone={zone} />}
        onMark={(index) => setMark(marks[index] ?? null)}
      />
      {props.nothing && <p class="nothing">Nothing in this range: the expression matches no series, or its series have no samples here.</p>}
      {series.length > 0 && (
        <LegendTable
          hidden={hidden}
          entries={series.slice(0, LEGEND_MAX).map((entry, index) => ({
            ...entry,
            dashed: entry.dash.length > 0,
            shown: lines[index]?.shown ?? true,
            current: cursor === null ? undefined : (grid.columns[index]?.[cursor] ?? null),
          }))}
          onIsolate={(key) => setPicked(chosen?.size === 1 && chosen.has(key) ? null : new Set([key]))}
          onToggle={toggle}
        />
      )}
      {exemplars && <ExemplarTable marks={marks} chosen={markIndex < 0 ? null : markIndex} zone={zone} onChoose={(index) => setMark(marks[index] ?? null)} />}
    </>
  );
}
