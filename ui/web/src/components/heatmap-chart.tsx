// Native histograms over time: the deeper a cell, the more observations. Drag zooms in, double-click zooms out.

import { useEffect, useRef } from "preact/hooks";
import { count, sample, timeOfDay } from "../lib/format";
import type { Heatmap } from "../lib/heatmap";
import type { Span, Zone } from "../lib/time-range";
import { readColors } from "./colors";
import { canvasContext, drawTimeAxis, useBrush, useThemeCount, useWidth } from "./drawing";

interface Props {
  readonly map: Heatmap;
  readonly span: Span;
  readonly zone: Zone;
  /** Of the drawing with its axis; pixels. */
  readonly height: number;
  readonly stale: boolean;
  onZoom(span: Span): void;
  onZoomOut(): void;
}

/** Left of the cells, for the bounds; below them, for the time; pixels. */
const GUTTER = 56;
const AXIS = 20;
/** Between two bounds that are written; pixels. */
const LABEL_ROOM = 22;
const TONES = ["--ember", "--line", "--line-strong", "--ink-3", "--ink"] as const;
/** What the emptiest cell that holds something shows of the colour; the fullest shows all. */
const FAINTEST = 0.12;

export function HeatmapChart({ map, span, zone, height, stale, onZoom, onZoomOut }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const theme = useThemeCount();
  const timeAt = (share: number) => span.start + share * (span.end - span.start);
  const { hover, brush, handlers } = useBrush(box, width, GUTTER, (shares) => onZoom({ start: timeAt(Math.min(...shares)), end: timeAt(Math.max(...shares)) }));
  useEffect(() => {
    if (canvas.current && width > GUTTER) {
      draw(canvas.current, width, height, map, span, zone);
    }
  }, [map, width, height, span.start, span.end, zone, theme]);

  const column = hover ? Math.round((timeAt(hover.share) / 1000 - map.start) / map.step) : -1;
  const row = hover ? Math.floor((1 - hover.top / (height - AXIS)) * map.cells.length) : -1;
  const value = map.cells[row]?.[column];
  const total = map.cells.reduce((sum, cells) => cells.reduce((all, cell) => all + cell, sum), 0);
  return (
    <div ref={box} class={`histogram heatmap${stale ? " stale" : ""}`} style={{ height: `${height + 4}px` }} {...handlers} onDblClick={onZoomOut}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Histograms over time: ${count(total)} observations in ${map.cells.length} buckets from ${sample(map.bounds[0] ?? 0)} to ${sample(map.bounds.at(-1) ?? 0)}; the table shows those of one instant`}
      />
      {brush && <div class="brush" style={{ left: `${brush.left}px`, width: `${brush.width}px`, height: `${height - AXIS}px` }} />}
      {hover && value !== undefined && (
        <div class="tip" aria-hidden="true" style={hover.share > 0.5 ? { right: `${(1 - hover.share) * (width - GUTTER) + 12}px` } : { left: `${GUTTER + hover.share * (width - GUTTER) + 16}px` }}>
          <b>{timeOfDay((map.start + column * map.step) * 1000, zone).slice(0, 8)}</b>
          <span>
            <span>
              {sample(map.bounds[row] ?? 0)} to {sample(map.bounds[row + 1] ?? 0)}
            </span>
            <span class="mono">{sample(value)}</span>
          </span>
        </div>
      )}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, width: number, height: number, map: Heatmap, span: Span, zone: Zone): void {
  const context = canvasContext(canvas, width, height);
  if (!context) {
    return;
  }
  const colors = readColors(canvas.parentElement ?? document.body, TONES);
  const floor = height - AXIS;
  const plot = width - GUTTER;
  const x = (seconds: number) => GUTTER + ((seconds * 1000 - span.start) / (span.end - span.start)) * plot;
  const y = (bound: number) => floor - (bound / map.cells.length) * floor;

  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, plot, floor);
  context.clip();
  context.fillStyle = colors["--ember"];
  map.cells.forEach((cells, row) => {
    const top = Math.round(y(row + 1));
    const tall = Math.round(y(row)) - top;
    cells.forEach((value, column) => {
      if (value > 0) {
        const left = Math.round(x(map.start + (column - 0.5) * map.step));
        const right = Math.round(x(map.start + (column + 0.5) * map.step));
        // The root keeps a few outliers visible beside thousands.
        context.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(value / map.most);
        context.fillRect(left, top, Math.max(1, right - left), Math.max(1, tall));
      }
    });
  });
  context.restore();

  context.fillStyle = colors["--line-strong"];
  context.fillRect(GUTTER, floor, plot, 1);
  const every = Math.max(1, Math.ceil((LABEL_ROOM * map.cells.length) / floor));
  context.textAlign = "right";
  map.bounds.forEach((bound, index) => {
    if (index % every === 0) {
      context.fillStyle = colors["--line"];
      context.fillRect(GUTTER - 4, Math.round(y(index)), 4, 1);
      context.fillStyle = colors["--ink-3"];
      context.fillText(sample(Number(bound.toPrecision(Math.abs(bound) < 1 ? 2 : 3))), GUTTER - 8, Math.min(floor - 6, Math.max(7, y(index))));
    }
  });
  drawTimeAxis(context, { span, zone, gutter: GUTTER, width, floor }, colors);
}
