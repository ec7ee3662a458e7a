// Lines over time. Drag zooms in, double-click zooms out; gaps are gaps.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { compact } from "../lib/format";
import { PALETTE, type Grid, type SeriesColor } from "../lib/series";
import { timeTicks } from "../lib/ticks";
import type { Span, Zone } from "../lib/time-range";
import { readColors } from "./colors";
import { DRAG_MIN, useThemeCount, useWidth } from "./drawing";

export interface Line {
  readonly name: string;
  readonly color: SeriesColor;
  readonly dash: readonly number[];
  readonly shown: boolean;
}

/** A single measurement among the lines. */
export interface ChartMark {
  /** Unix seconds. */
  readonly time: number;
  readonly value: number;
}

interface Props {
  readonly grid: Grid;
  readonly lines: readonly Line[];
  readonly span: Span;
  readonly zone: Zone;
  readonly zero: boolean;
  /** Every point is drawn, not the lines between them alone. */
  readonly points?: boolean;
  readonly height: number;
  readonly stale: boolean;
  /** Drawn above the lines, at the edge where their value is beyond it. */
  readonly marks?: readonly ChartMark[];
  /** The mark that stands out. */
  readonly markChosen?: number | null;
  /** The point under the pointer, for the legend. */
  onCursor(index: number | null): void;
  onZoom(span: Span): void;
  onZoomOut(): void;
  /** What is said of the mark under the pointer. */
  markTip?(index: number): ComponentChildren;
  onMark?(index: number): void;
}

/** So near is the pointer at a mark; pixels. */
const MARK_REACH = 8;
/** From a mark's middle to its corners; pixels. */
const MARK_SIZE = 4;
const TONES = ["--line", "--line-strong", "--ink-3", "--ember", "--surface", "--ink", ...PALETTE] as const;

/** The mark under the pointer and where the tip goes; pixels from the chart's corner. */
interface Pointed {
  readonly index: number;
  readonly left: number;
  readonly top: number;
}

export function TimeSeriesChart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const width = useWidth(host);
  const theme = useThemeCount();
  const [pointed, setPointed] = useState<Pointed | null>(null);

  const shape = props.lines.map((line) => `${line.color}${line.dash.join()}${line.name}`).join("\n");
  useEffect(() => {
    if (!host.current || width === 0) {
      return undefined;
    }
    const chart = new uPlot(options(width, latest, readColors(host.current, TONES)), data(props.grid), host.current);
    plot.current = chart;
    return () => {
      chart.destroy();
      plot.current = null;
    };
  }, [width, theme, shape, props.zone, props.zero, props.points, props.height]);
  useEffect(() => plot.current?.setData(data(props.grid)), [props.grid]);
  useEffect(() => {
    setPointed(null);
    plot.current?.redraw(false, false);
  }, [props.marks, props.markChosen]);
  useEffect(() => {
    props.lines.forEach((line, index) => {
      if (plot.current?.series[index + 1]?.show !== line.shown) {
        plot.current?.setSeries(index + 1, { show: line.shown });
      }
    });
  }, [props.lines, width, theme]);

  const drawn = props.lines.filter((line) => line.shown).length;
  const point = (event: MouseEvent) => setPointed(plot.current && markNear(plot.current, latest.current.marks ?? [], event));
  const tip = pointed && props.markTip?.(pointed.index);
  return (
    <div class={`chart${props.stale ? " stale" : ""}${pointed ? " at-mark" : ""}`}>
      <div
        ref={host}
        role="img"
        aria-label={`${drawn} series over time; the table below has their values`}
        onMouseMove={point}
        onMouseLeave={() => setPointed(null)}
        onClick={() => pointed && props.onMark?.(pointed.index)}
        onDblClick={props.onZoomOut}
      />
      {tip && pointed && (
        <div class="tip" style={{ top: `${pointed.top + 10}px`, ...(pointed.left > width / 2 ? { right: `${width - pointed.left + 10}px` } : { left: `${pointed.left + 10}px` }) }} aria-hidden="true">
          {tip}
        </div>
      )}
    </div>
  );
}

function data(grid: Grid): uPlot.AlignedData {
  return [grid.times as number[], ...(grid.columns as (number | null)[][])];
}

function options(width: number, latest: { readonly current: Props }, colors: Colors): uPlot.Options {
  const { lines, zone, height } = latest.current;
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return {
    width,
    height,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: {
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false, dist: DRAG_MIN },
      focus: { prox: 24 },
      // Double-click is ours: it zooms out instead of showing all that is loaded.
      bind: { dblclick: () => null },
    },
    focus: { alpha: 0.35 },
    scales: {
      x: { time: true, range: () => [latest.current.span.start / 1000, latest.current.span.end / 1000] },
      y: { range: (_, low, high) => valueRange(low, high, latest.current.zero) },
    },
    axes: [
      {
        font,
        stroke: colors["--ink-3"],
        grid: { stroke: colors["--line"], width: 1 },
        ticks: { stroke: colors["--line-strong"], width: 1, size: 4 },
        size: 28,
        gap: 4,
        splits: (_, __, min, max) => ticks(min, max, width, zone).map((tick) => tick.time / 1000),
        values: (_, splits) => {
          const labels = new Map(ticks((splits[0] ?? 0) - 0.5, (splits.at(-1) ?? 0) + 0.5, width, zone, splits).map((tick) => [tick.time / 1000, tick.label]));
          return splits.map((split) => labels.get(split) ?? "");
        },
      },
      {
        font,
        stroke: colors["--ink-3"],
        grid: { stroke: colors["--line"], width: 1 },
        ticks: { show: false },
        size: 56,
        gap: 6,
        space: 44,
        values: (_, splits) => splits.map((split) => axisValue(split, splits)),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({
        label: line.name,
        stroke: colors[line.color],
        width: 1.5,
        show: line.shown,
        spanGaps: false,
        points: latest.current.points ? { show: true, size: 5 } : { show: false },
        ...(line.dash.length > 0 ? { dash: [...line.dash] } : {}),
      })),
    ],
    hooks: {
      draw: [(chart) => drawMarks(chart, latest.current, colors)],
      setCursor: [(chart) => latest.current.onCursor(chart.cursor.idx ?? null)],
      setSelect: [
        (chart) => {
          if (chart.select.width >= DRAG_MIN) {
            const start = chart.posToVal(chart.select.left, "x") * 1000;
            const end = chart.posToVal(chart.select.left + chart.select.width, "x") * 1000;
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            latest.current.onZoom({ start, end });
          }
        },
      ],
    },
  };
}

type Colors = Readonly<Record<(typeof TONES)[number], string>>;

/** Where a mark stands in canvas pixels, kept inside the plot. */
function markPlace(chart: uPlot, { time, value }: ChartMark): { readonly x: number; readonly y: number } {
  const { top, height } = chart.bbox;
  const y = chart.valToPos(value, "y", true);
  const edge = MARK_SIZE * devicePixelRatio;
  return { x: chart.valToPos(time, "x", true), y: Math.min(top + height - edge, Math.max(top + edge, y)) };
}

function drawMarks(chart: uPlot, { marks = [], markChosen }: Props, colors: Colors): void {
  const { ctx } = chart;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.lineJoin = "round";
  marks.forEach((mark, index) => {
    const { x, y } = markPlace(chart, mark);
    const size = MARK_SIZE * devicePixelRatio * (index === markChosen ? 1.5 : 1);
    ctx.beginPath();
    ctx.moveTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.lineTo(x - size, y);
    ctx.closePath();
    ctx.fillStyle = colors["--ember"];
    ctx.fill();
    ctx.strokeStyle = colors[index === markChosen ? "--ink" : "--surface"];
    ctx.stroke();
  });
  ctx.restore();
}

/** The mark nearest to the pointer, if it is near. */
function markNear(chart: uPlot, marks: readonly ChartMark[], event: MouseEvent): Pointed | null {
  const box = chart.root.getBoundingClientRect();
  const left = event.clientX - box.left;
  const top = event.clientY - box.top;
  let nearest: Pointed | null = null;
  let least = MARK_REACH;
  marks.forEach((mark, index) => {
    const { x, y } = markPlace(chart, mark);
    const distance = Math.hypot(x / devicePixelRatio - left, y / devicePixelRatio - top);
    if (distance <= least) {
      least = distance;
      nearest = { index, left: x / devicePixelRatio, top: y / devicePixelRatio };
    }
  });
  return nearest;
}

/** Ticks of the axis; with `splits` those that were chosen before, to label them. */
function ticks(min: number, max: number, width: number, zone: Zone, splits?: readonly number[]) {
  const count = splits ? Math.max(1, splits.length) : Math.max(2, Math.floor(width / 130));
  return timeTicks({ start: min * 1000, end: max * 1000 }, count, zone);
}

/** Room above and below the values; a flat line stands in the middle; `zero` keeps zero in view. */
function valueRange(low: number | null, high: number | null, zero: boolean): [number, number] {
  const least = Math.min(low ?? 0, zero ? 0 : Infinity);
  const greatest = Math.max(high ?? 1, zero ? 0 : -Infinity);
  if (least === greatest) {
    const room = Math.abs(least) / 2 || 1;
    return [least - room, greatest + room];
  }
  const room = (greatest - least) * 0.06;
  return [zero && least === 0 ? 0 : least - room, greatest + room];
}

/** Enough digits to tell neighbouring ticks apart. */
function axisValue(value: number, splits: readonly number[]): string {
  const gap = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
  if (Math.abs(value) >= 10_000 && gap >= 100) {
    return compact(value);
  }
  const digits = Math.min(6, Math.max(0, -Math.floor(Math.log10(gap || 1) + 1e-9)));
  return value.toFixed(digits);
}
